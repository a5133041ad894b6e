#pragma once
// The memory of memory: for each cell, who wrote it last and two threads that read it since. Cells are as fine as the
// accesses of their page: from the whole page, where only copies touched it, down to a byte.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace simt {

// One access: where in the code, and by whom and when.
struct Access {
  const void* place =
      nullptr;  // a code address; the file of `line`; where that is kCopy, the name of the call
  int line = 0;
  static constexpr int kCopy = -1;
  std::uint32_t operation = 0, block = 0, epoch = 0,
                time = 0;  // the operation of `stream`; the rest is of kernels
  std::uint16_t stream = 0, thread = 0;
  bool atomic = false;
  bool pending = false;  // cp.async has begun to write and nobody has waited for it
};

struct Cell {
  Access write, read, other_read;  // the reads are of two threads
};

class Shadow {
 public:
  static constexpr std::size_t kPage = 1024;
  struct Page {
    std::size_t granule = kPage;
    std::vector<Cell> cells{1};
  };

  // Calls f(cell, offset) for the cells of [offset, offset + bytes) until one returns false; the page is locked meanwhile.
  template <class F>
  bool visit(std::size_t offset, std::size_t bytes, F&& f) {
    while (bytes > 0) {
      const std::size_t begin = offset % kPage, count = bytes < kPage - begin ? bytes : kPage - begin;
      const std::lock_guard lock(mutexes_[offset / kPage % kLocks]);
      Page& page = page_of(offset / kPage, begin | count);
      const std::size_t last = (begin + count - 1) / page.granule;
      for (std::size_t i = begin / page.granule; i <= last; ++i) {
        if (!f(page.cells[i], offset - begin + i * page.granule)) return false;
      }
      offset += count;
      bytes -= count;
    }
    return true;
  }

  void resize(std::size_t bytes);

 private:
  static constexpr std::size_t kLocks = 16;
  Page& page_of(std::size_t index, std::size_t alignment);
  std::vector<std::unique_ptr<Page>> pages_;
  std::mutex mutexes_[kLocks];
};

}  // namespace simt
