#include "async_copy.h"

#include <cstring>

#include "block.h"
#include "races.h"
#include "report.h"

namespace simt {

void copy_async(void* to, const void* from, unsigned bytes, Site site) {
  const auto misaligned = [&](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % bytes != 0; };
  if (misaligned(to) || misaligned(from)) {
    fail_here(site,
              "cp.async of " + std::to_string(bytes) + " bytes with an address that is no multiple of that");
  }
  auto& groups = block->current().copies;
  if (groups.empty()) groups.emplace_back();
  groups.back().push_back({static_cast<char*>(to), static_cast<const char*>(from), bytes, site});
  if (from != nullptr) touch(from, bytes, Touch::read, site);
  touch(to, bytes, Touch::begin_copy, site);
  std::memset(to, 0xff, bytes);
}

void commit_copies() {
  auto& groups = block->current().copies;
  if (groups.empty()) groups.emplace_back();
  groups.emplace_back();
}

void wait_copies(int pending) {
  auto& groups = block->current().copies;
  const std::size_t kept = static_cast<std::size_t>(pending) + 1;  // and the open one
  while (groups.size() > kept) {
    for (const PendingCopy& copy : groups.front()) {
      touch(copy.to, copy.bytes, Touch::end_copy, copy.site);
      if (copy.from != nullptr) {
        std::memcpy(copy.to, copy.from, copy.bytes);
      } else {
        std::memset(copy.to, 0, copy.bytes);
      }
    }
    groups.erase(groups.begin());
  }
}

}  // namespace simt
