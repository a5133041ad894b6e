#include "shadow.h"

namespace simt {

void Shadow::resize(std::size_t bytes) {
  const std::size_t count = (bytes + kPage - 1) / kPage;
  if (count > pages_.size()) pages_.resize(count);
}

// The page, split until its granule divides `alignment`.
Shadow::Page& Shadow::page_of(std::size_t index, std::size_t alignment) {
  std::unique_ptr<Page>& page = pages_[index];
  if (!page) page = std::make_unique<Page>();
  const std::size_t finest = alignment & (~alignment + 1);
  if (finest < page->granule) {
    std::vector<Cell> finer;
    finer.reserve(kPage / finest);
    for (const Cell& cell : page->cells) finer.insert(finer.end(), page->granule / finest, cell);
    page->cells = std::move(finer);
    page->granule = finest;
  }
  return *page;
}

}  // namespace simt
