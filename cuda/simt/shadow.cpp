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
  while (alignment % page->granule != 0) {
    std::vector<Cell> finer;
    finer.reserve(page->cells.size() * 2);
    for (const Cell& cell : page->cells) finer.insert(finer.end(), 2, cell);
    page->cells = std::move(finer);
    page->granule /= 2;
  }
  return *page;
}

}  // namespace simt
