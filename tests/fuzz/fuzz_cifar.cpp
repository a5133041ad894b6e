// The first byte chooses format and number of records, the rest is the file.
#include "data/readers.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return noyau::fuzz::run(data, size, [](std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    const bool hundred = (bytes[0] & 1) != 0;
    const noyau::CifarFormat format = hundred ? noyau::CifarFormat{2, 1, 100} : noyau::CifarFormat{};
    const std::int64_t records = bytes[0] >> 1 & 3;
    noyau::Records into = noyau::cifar_records(records);
    noyau::read_cifar(bytes.subspan(1), "input", format, into, 0, records);
  });
}
