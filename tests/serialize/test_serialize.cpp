#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "catch2.h"
#include "noyau/models.h"
#include "noyau/serialize.h"

namespace ny = noyau;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ny::message("noyau-serialize-", static_cast<long>(getpid()))) {
    fs::create_directory(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return path_ / name; }
  std::ptrdiff_t count() const {
    return std::distance(fs::directory_iterator(path_), fs::directory_iterator());
  }

 private:
  fs::path path_;
};

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spit(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A safetensors file with the given header and number of data bytes.
std::string with_header(const std::string& header, std::size_t data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return bytes + header + std::string(data, '\1');
}

}  // namespace

TEST_CASE("tensors of every type survive a file", "[fast]") {
  const Folder folder;
  ny::TensorFile file;
  for (const ny::Dtype dtype :
       {ny::Dtype::u8, ny::Dtype::f32, ny::Dtype::f16, ny::Dtype::f64, ny::Dtype::i32, ny::Dtype::bf16}) {
    file.tensors.push_back({ny::message("a ", dtype, " \"quoted\""), ny::tensor({1, 2.5, 200}).to(dtype)});
  }
  file.tensors.push_back({"scalar", ny::full({}, 3)});
  file.tensors.push_back({"none", ny::zeros({0, 4})});
  file.metadata = {{"key", "value\nwith \"quotes\" and \xc3\xa9"}, {"empty", ""}};
  ny::save_tensors(folder.file("t"), file);
  const ny::TensorFile back = ny::load_tensors(folder.file("t"));
  REQUIRE(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == file.tensors.size());
  for (const ny::NamedTensor& t : file.tensors) {
    const auto found = std::find_if(back.tensors.begin(), back.tensors.end(),
                                    [&](const auto& b) { return b.name == t.name; });
    REQUIRE(found != back.tensors.end());
    REQUIRE(found->tensor.shape() == t.tensor.shape());
    REQUIRE(equal(found->tensor, t.tensor));
  }
  REQUIRE(folder.count() == 1);
  REQUIRE_THROWS_WITH(ny::save_tensors(folder.file("d"), {{file.tensors[0], file.tensors[0]}, {}}),
                      ContainsSubstring("two tensors are named"));
  REQUIRE_THROWS_WITH(ny::save_tensors(folder.file("d"), {{{"x", ny::Tensor()}}, {}}),
                      ContainsSubstring("tensor 'x' is undefined"));
  REQUIRE(folder.count() == 1);
}

TEST_CASE("a file that is not as it should be is refused", "[fast]") {
  const Folder folder;
  const auto refuse = [&](const std::string& bytes, const char* what) {
    INFO(what);
    spit(folder.file("bad"), bytes);
    REQUIRE_THROWS_WITH(ny::load_tensors(folder.file("bad")),
                        ContainsSubstring("bad") && ContainsSubstring(what));
  };
  REQUIRE_THROWS_WITH(ny::load_tensors(folder.file("absent")),
                      ContainsSubstring("absent (No such file or directory)"));
  refuse("", "0 bytes are too few for a safetensors file");
  refuse("1234567", "7 bytes are too few");
  refuse("PK\x03\x04 a zip file of some length", "this is no safetensors file");
  refuse(std::string("\x20\0\0\0\0\0\0\0{}", 10), "header of 32 bytes is cut off after 2");
  refuse(with_header("{\"a\":", 0), "not valid JSON (parse error at line 1, column 6");
  refuse(with_header("[]", 0), "header is no JSON object");
  refuse(with_header("{\"__metadata__\":3}", 0), "'__metadata__' is no JSON object");
  refuse(with_header("{\"__metadata__\":{\"k\":3}}", 0), "metadata 'k' is no text");
  refuse(with_header("{\"a\":3}", 0), "tensor 'a' has no dtype");
  refuse(with_header(R"({"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8),
         "tensor 'a': unknown dtype 'I64'");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
         "has no shape of at most 8 extents");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
         "has no pair of data_offsets");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
         "lies at bytes 0 to 8 of 4");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4),
         "lies at bytes 4 to 0 of 4");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 8),
         "of 8 bytes lies at bytes 0 to 4");
  refuse(with_header(R"({"a":{"dtype":"F32","shape":[4611686018427387904,16],"data_offsets":[0,4]}})", 4),
         "is larger than the file");
  const std::string a =
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":)";
  refuse(with_header(a + "[4,8]}}", 8), "tensor 'b' begins at byte 4, inside another, which ends at 8");
  refuse(with_header(a + "[12,16]}}", 16), "tensor 'b' begins at byte 12, after a gap from 8");
  refuse(with_header(a + "[8,12]}}", 13), "1 bytes after the last tensor, at offset");
}

TEST_CASE("a network is rebuilt from its file", "[fast]") {
  const Folder folder;
  ny::seed(1);
  ny::Sequential net = ny::make_model("minimal-cnn", {.width_factor = 0.25});
  const ny::DataInfo info{.name = "cifar10",
                          .classes = {"cat", "dog"},
                          .height = 32,
                          .width = 32,
                          .channels = 3,
                          .mean = {0.1, 0.2, 0.3},
                          .deviation = {1, 2, 3},
                          .note = "a note"};
  ny::save(folder.file("net"), net, info);
  const ny::SavedModel back = ny::load_model(folder.file("net"));
  const ny::Tensor x = ny::normal({2, 32, 32, 3}, 0, 1);
  REQUIRE(equal(net(x), back.net(x)));
  REQUIRE(back.info.name == info.name);
  REQUIRE(back.info.classes == info.classes);
  REQUIRE(back.info.height == 32);
  REQUIRE(back.info.mean == info.mean);
  REQUIRE(back.info.deviation == info.deviation);
  REQUIRE(back.info.note == info.note);

  ny::Sequential other = ny::make_model("minimal-cnn", {.width_factor = 0.25});
  other.to(ny::Dtype::f64);
  ny::load_weights(folder.file("net"), other);
  REQUIRE(equal(other.parameters()[0], net.parameters()[0].to(ny::Dtype::f64)));
}

TEST_CASE("all mismatches of weights are listed at once and nothing is written", "[fast]") {
  const Folder folder;
  const ny::Sequential net(ny::named("a", ny::Dense(2, 3)), ny::named("b", ny::Dense(3, 4)));
  ny::save_weights(folder.file("w"), net);
  ny::Sequential other(ny::named("a", ny::Dense(2, 3)), ny::named("b", ny::Dense(3, 5, {.bias = false})),
                       ny::named("c", ny::Dense(5, 1)));
  const ny::Tensor before = other.parameters()[0].clone();
  REQUIRE_THROWS_WITH(
      ny::load_weights(folder.file("w"), other),
      ContainsSubstring(
          "weights of another network; missing: c.kernel, c.bias; unexpected: b.bias; of another "
          "shape: b.kernel ([3, 4] in the file, [3, 5] in the network)"));
  REQUIRE(equal(before, other.parameters()[0]));
  REQUIRE_THROWS_WITH(ny::load_model(folder.file("w")),
                      ContainsSubstring("metadata 'architecture' is missing; the file has weights only"));
  ny::save_tensors(folder.file("x"),
                   {{}, {{"architecture", "[]"}, {"data", ""}, {"note", ""}, {"classes", "3"}}});
  REQUIRE_THROWS_WITH(ny::load_model(folder.file("x")),
                      ContainsSubstring("metadata 'classes' is of the wrong type (3)"));
}

TEST_CASE("a file is written whole or not at all", "[fast]") {
  const Folder folder;
  ny::write_file_atomically(folder.file("f"), "old");
  ny::write_file_atomically(folder.file("f"), "new");
  REQUIRE(slurp(folder.file("f")) == "new");
  REQUIRE(folder.count() == 1);
  REQUIRE_THROWS_WITH(ny::write_file_atomically(folder.file("no/f"), "x"),
                      ContainsSubstring("no/f (No such file or directory)"));
}

TEST_CASE("a disk that is full leaves the old file and nothing else", "[fast]") {
  const Folder folder;
  ny::write_file_atomically(folder.file("f"), "old");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string what;
  try {
    ny::write_file_atomically(folder.file("f"), std::string(5000, 'x'));
  } catch (const ny::Error& error) {
    what = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  REQUIRE_THAT(what, ContainsSubstring("cannot write") && ContainsSubstring("File too large"));
  REQUIRE(slurp(folder.file("f")) == "old");
  REQUIRE(folder.count() == 1);
}
