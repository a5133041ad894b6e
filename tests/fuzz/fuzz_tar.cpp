// Archives, plain or gzip: every member is read.
#include "data/bytes.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return noyau::fuzz::run(data, size, [](std::span<const std::uint8_t> bytes) {
    noyau::Source source(bytes, "input");
    noyau::TarReader tar(source);
    for (noyau::TarEntry entry; tar.next(entry);) tar.read();
  });
}
