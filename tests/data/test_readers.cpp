#include <numeric>

#include "catch2.h"
#include "data/files.h"
#include "data/readers.h"

using namespace noyau;
using namespace noyau::tests;

namespace {

constexpr std::int64_t kRecord = 3073;

Bytes cifar_bytes(std::int64_t records) {
  Bytes bytes(static_cast<std::size_t>(records * kRecord));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(i % kRecord == 0 ? i / kRecord % 10 : i * 7);
  return bytes;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

TEST_CASE("CIFAR records become pixels and labels", "[data][fast]") {
  const Bytes bytes = cifar_bytes(12);
  Records records = cifar_records(14);
  read_cifar(bytes, "x.bin", {}, records, 2, 12);
  CHECK(records.labels.data<std::int32_t>()[13] == 1);
  const std::uint8_t* const pixel = records.images.data<std::uint8_t>() + ((5 * 32 + 3) * 32 + 4) * 3;
  for (std::size_t c = 0; c < 3; ++c) CHECK(pixel[c] == bytes[3 * kRecord + 1 + c * 1024 + 3 * 32 + 4]);
}

TEST_CASE("a damaged CIFAR file is named with byte and expectation", "[data][fast]") {
  Records records = cifar_records(2);
  Bytes bytes = cifar_bytes(2);
  bytes.pop_back();
  CHECK_THROWS_WITH(read_cifar(bytes, "x.bin", {}, records, 0, 2),
                    ContainsSubstring("cifar: x.bin has 6145 bytes, expected 6146 (2 records of 3073)"));
  bytes.resize(6147);
  CHECK_THROWS_WITH(read_cifar(bytes, "x.bin", {}, records, 0, 2),
                    ContainsSubstring("has 6147 bytes, expected 6146"));
  bytes = cifar_bytes(2);
  bytes[kRecord] = 10;
  CHECK_THROWS_WITH(read_cifar(bytes, "x.bin", {}, records, 0, 2),
                    ContainsSubstring("has label 10 at byte 3073 (record 1), expected 0 to 9"));
}

TEST_CASE("a CIFAR folder that lacks a file or has a bad one is refused", "[data]") {
  const TemporaryFolder folder;
  folder.write("cifar-10-batches-bin/data_batch_1.bin", Bytes(100));
  CHECK(find_dataset("cifar10", folder.path()) == folder.path() + "/cifar-10-batches-bin");
  CHECK_THROWS_WITH(
      cifar10(folder.path()),
      ContainsSubstring("data_batch_1.bin has 100 bytes, expected 30730000 (10000 records of 3073)"));
  folder.write("cifar-10-batches-bin/data_batch_1.bin", Bytes(30730000));
  CHECK_THROWS_WITH(cifar10(folder.path()), ContainsSubstring("cifar-10-batches-bin lacks data_batch_2.bin"));
}

TEST_CASE("CIFAR-100 is read from its archive, fine and coarse", "[data]") {
  Bytes test(10000 * 3074), train(50000 * 3074);
  for (std::size_t i = 0; i < 10000; ++i) {
    test[i * 3074] = static_cast<std::uint8_t>(i % 20);
    test[i * 3074 + 1] = static_cast<std::uint8_t>(i % 100);
  }
  const TemporaryFolder folder;
  const Bytes archive =
      joined({tar_member("cifar-100-binary/", {}, '5'), tar_member("cifar-100-binary/test.bin", test),
              tar_member("cifar-100-binary/train.bin", train), Bytes(1024)});
  folder.write("cifar-100-binary.tar.gz", gzipped(archive));
  const Split fine = cifar100(folder.path());
  CHECK(fine.train.size() == 50000);
  CHECK(fine.test.label(199) == 99);
  CHECK(fine.test.info().classes[99] == "worm");
  CHECK(cifar100(folder.path(), Cifar100Labels::coarse).test.label(199) == 19);
}

TEST_CASE("tar archives: other entries are passed over, damage is located", "[data][fast]") {
  const Bytes first(700, 'a'), second(512, 'b');
  Bytes archive = joined(
      {tar_member("dir/", {}, '5'), tar_member("dir/one", first), tar_member("two", second), Bytes(1024)});
  for (const bool compressed : {false, true}) {
    const Bytes bytes = compressed ? gzipped(archive) : archive;
    Source source(bytes, "x.tar");
    TarReader tar(source);
    TarEntry entry;
    REQUIRE(tar.next(entry));
    CHECK(entry.name == "dir/one");
    REQUIRE(tar.next(entry));
    CHECK(tar.read() == second);
    CHECK_FALSE(tar.next(entry));
  }
  const auto walk = [](const Bytes& bytes) {
    Source source(bytes, "x.tar");
    TarReader tar(source);
    for (TarEntry entry; tar.next(entry);) tar.read();
  };
  archive[512] ^= 1;
  CHECK_THROWS_WITH(walk(archive), ContainsSubstring("x.tar has no tar header at byte 512 (check sum"));
  archive[512] ^= 1;
  archive.resize(1500);
  CHECK_THROWS_WITH(
      walk(archive),
      ContainsSubstring("x.tar ends at byte 1500, expected 700 bytes of a tar member from byte 1024"));
  Bytes cut = gzipped(archive);
  cut.resize(cut.size() - 9);
  CHECK_THROWS_WITH(walk(cut), ContainsSubstring("x.tar ends in the middle of its data"));
}

TEST_CASE("IDX files are read, plain and gzip", "[data][fast]") {
  Bytes elements(2 * 3 * 4);
  std::iota(elements.begin(), elements.end(), std::uint8_t{0});
  const Bytes plain = idx({2, 3, 4}, elements);
  for (const Bytes& bytes : {plain, gzipped(plain)}) {
    const Tensor images = read_idx(bytes, "x", {3, 4});
    CHECK(images.shape() == Shape{2, 3, 4, 1});
    CHECK(images.to_vector<std::uint8_t>() == elements);
  }
}

TEST_CASE("a damaged IDX file is named with byte and expectation", "[data][fast]") {
  const Bytes good = idx({2, 2, 2}, Bytes(8));
  Bytes bytes = good;
  bytes[2] = 9;
  CHECK_THROWS_WITH(read_idx(bytes, "x", {3, 4}),
                    ContainsSubstring("idx: x begins with 0x00000903, expected 0x00000803 or 0x00000804"));
  bytes = good;
  bytes.pop_back();
  CHECK_THROWS_WITH(read_idx(bytes, "x", {3}),
                    ContainsSubstring("x ends at byte 23, expected 8 bytes of IDX elements from byte 16"));
  bytes = joined({good, Bytes(1)});
  CHECK_THROWS_WITH(read_idx(bytes, "x", {3}),
                    ContainsSubstring("x goes on after byte 24, where it should end"));
  CHECK_THROWS_WITH(read_idx(gzipped(bytes), "x", {3}), ContainsSubstring("x goes on after byte 24"));
  CHECK_THROWS_WITH(read_idx(Bytes{0, 0}, "x", {3}),
                    ContainsSubstring("x ends at byte 2, expected 4 bytes of an IDX magic number"));
  CHECK_THROWS_WITH(read_idx(idx({0xffffffff, 0xffffffff, 1}, {}), "x", {3}),
                    ContainsSubstring("which no such file has"));
  CHECK_THROWS_WITH(read_idx(idx({1000, 1000, 1000}, {}), "x", {3}),
                    ContainsSubstring("expected 1000000000 bytes of IDX elements"));
  bytes = gzipped(good);
  bytes[10] |= 6;  // no such kind of block
  CHECK_THROWS_WITH(read_idx(bytes, "x", {3}),
                    ContainsSubstring("gzip: x is damaged after 0 bytes of output (invalid block type)"));
  bytes = gzipped(good);
  bytes.back() ^= 1;  // the length at the end
  CHECK_THROWS_WITH(read_idx(bytes, "x", {3}),
                    ContainsSubstring("gzip: x is damaged after 24 bytes of output"));
}

TEST_CASE("pairs of IDX files must fit together", "[data][fast]") {
  const TemporaryFolder folder;
  const std::string images = folder.write("i", idx({3, 2, 2}, Bytes(12, 7)));
  const Dataset data = idx_dataset(images, folder.write("l", idx({3}, {0, 2, 1})));
  CHECK(data.info().classes == std::vector<std::string>{"0", "1", "2"});
  CHECK(data.info().deviation[0] == 1);  // all pixels alike
  CHECK_THROWS_WITH(idx_dataset(images, folder.write("l", idx({2}, {0, 2}))),
                    ContainsSubstring("i has 3 images but"));
  CHECK_THROWS_WITH(idx_dataset(images, folder.write("l", idx({3}, {0, 2, 1})), {"a", "b"}),
                    ContainsSubstring("l has label 2 at byte 9, expected 0 to 1"));
  CHECK_THROWS_WITH(idx_dataset(folder.write("e", idx({0, 2, 2}, {})), folder.write("l", idx({0}, {}))),
                    ContainsSubstring("has no images"));
}

TEST_CASE("MNIST's family is found by name, split or not", "[data][fast]") {
  const TemporaryFolder folder;
  folder.write("mnist/train-images-idx3-ubyte", idx({4, 2, 2}, Bytes(16, 9)));
  CHECK_THROWS_WITH(mnist(folder.path()), ContainsSubstring("lacks train-labels-idx1-ubyte (plain or .gz)"));
  folder.write("mnist/train-labels-idx1-ubyte.gz", gzipped(idx({4}, {0, 1, 2, 9})));
  folder.write("mnist/t10k-images-idx3-ubyte", idx({1, 2, 2}, Bytes(4)));
  folder.write("mnist/t10k-labels-idx1-ubyte", idx({1}, {3}));
  CHECK(mnist(folder.path()).train.size() == 4);
  CHECK(load_dataset("mnist", folder.path() + "/mnist").test.label(0) == 3);

  Bytes labels(40);
  for (std::size_t i = 0; i < 40; ++i) labels[i] = static_cast<std::uint8_t>(i % 10);
  folder.write("notmnist/images-idx3-ubyte", idx({40, 2, 2}, Bytes(160, 1)));
  folder.write("notmnist/labels-idx1-ubyte", idx({40}, labels));
  const Split split = load_dataset("notmnist", folder.path());
  CHECK(split.train.size() + split.test.size() == 40);
  CHECK_THAT(split.test.info().note, ContainsSubstring("a fifth of each class, drawn with seed 0"));
  folder.write("notmnist/labels-idx1-ubyte", idx({40}, Bytes(40, 3)));
  CHECK_THROWS_WITH(load_dataset("notmnist", folder.path()),
                    ContainsSubstring("class A of notmnist has 0 images"));
}
