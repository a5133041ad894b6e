#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "catch2.h"
#include "common/download.h"
#include "common/exit.h"
#include "common/md5.h"
#include "programs/http_server.h"
#include "programs/process.h"
#include "programs/scratch.h"

using programs::download;
using programs::Exit;
using programs::Md5;
using programs::RemoteFile;

namespace {

std::string md5(const std::string& text) {
  Md5 sum;
  sum.update({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return sum.hex();
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string content() {
  std::string text(300000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 253);
  return text;
}

RemoteFile described(const HttpServer& server) {
  return {server.url("x"), md5(content()), static_cast<std::int64_t>(content().size())};
}

// The exit code and message of a download that must fail.
std::pair<Exit, std::string> failure(const RemoteFile& file, const std::string& path,
                                     std::stop_token stop = {}) {
  try {
    download(file, path, {}, stop);
  } catch (const programs::ProgramError& error) {
    return {error.code, error.what()};
  }
  return {Exit::done, ""};
}

}  // namespace

TEST_CASE("MD5 gives the sums of RFC 1321", "[programs][fast]") {
  CHECK(md5("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(md5("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(md5("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
        "d174ab98d277d9f5a5611c2c9f419d9f");
  CHECK(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890") ==
        "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("a file is fetched whole, and not again", "[programs][fast]") {
  const HttpServer server({.content = content()});
  const Scratch scratch;
  std::int64_t seen = 0, of = 0;
  download(described(server), scratch / "deep/x",
           [&](std::int64_t done, std::int64_t total) { seen = done, of = total; });
  CHECK(text_of(scratch / "deep/x") == content());
  CHECK(seen == 300000);
  CHECK(of == 300000);
  CHECK_FALSE(std::filesystem::exists(scratch / "deep/x.part"));
  download(described(server), scratch / "deep/x");
  CHECK(server.ranges_asked().size() == 1);
}

TEST_CASE("a broken connection is resumed, by ranges or from the start", "[programs][fast]") {
  for (const bool ranges : {true, false}) {
    for (const bool announces_length : {true, false}) {
      const HttpServer server({.content = content(),
                               .ranges = ranges,
                               .cut_after = 120000,
                               .cuts = 2,
                               .announces_length = announces_length});
      const Scratch scratch;
      download(described(server), scratch / "x");
      CHECK(text_of(scratch / "x") == content());
      REQUIRE(server.ranges_asked().size() == 3);
      CHECK(server.ranges_asked()[1] == "120000-");
      CHECK(server.ranges_asked()[2] == (ranges ? "240000-" : "120000-"));
    }
  }
}

TEST_CASE("what came before a break is kept for the next run", "[programs]") {
  const Scratch scratch;
  {
    const HttpServer server({.content = content(), .ranges = false, .cut_after = 1000});
    const auto [code, what] = failure(described(server), scratch / "x");
    CHECK(code == Exit::data);
    CHECK_THAT(what, ContainsSubstring("the connection broke after 1000 bytes"));
    CHECK_THAT(what, ContainsSubstring("the same command goes on where it stopped"));
  }
  const HttpServer server({.content = content()});
  download(described(server), scratch / "x");
  CHECK(server.ranges_asked()[0] == "1000-");
  CHECK(text_of(scratch / "x") == content());
}

TEST_CASE("another file than described is removed", "[programs][fast]") {
  const Scratch scratch;
  std::string tampered = content();
  tampered[1234] ^= 1;
  const HttpServer changed({.content = tampered});
  auto [code, what] = failure(described(changed), scratch / "x");
  CHECK(code == Exit::data);
  CHECK_THAT(what, ContainsSubstring(noyau::message("has md5 ", md5(tampered), ", expected ", md5(content()),
                                                    "; it was removed")));
  CHECK(std::filesystem::is_empty(scratch.path()));

  for (const bool announces_length : {true, false}) {
    const HttpServer longer({.content = content() + "more", .announces_length = announces_length});
    std::tie(code, what) = failure(described(longer), scratch / "x");
    CHECK(code == Exit::data);
    CHECK_THAT(what, ContainsSubstring("has 300004 bytes, expected 300000; nothing was kept"));
    CHECK(std::filesystem::is_empty(scratch.path()));
  }
}

TEST_CASE("a server that refuses or is not there is named", "[programs][fast]") {
  const Scratch scratch;
  const HttpServer server({.content = "", .status = 404});
  auto [code, what] = failure(described(server), scratch / "x");
  CHECK(code == Exit::data);
  CHECK_THAT(what, ContainsSubstring("cannot download http://127.0.0.1:"));
  CHECK_THAT(what, ContainsSubstring("/x (the server answered 404)"));
  std::tie(code, what) = failure({"http://127.0.0.1:1/x", md5(""), 0}, scratch / "x");
  CHECK(code == Exit::data);
  CHECK_THAT(what, ContainsSubstring("cannot download http://127.0.0.1:1/x (Failed to connect"));
  std::tie(code, what) = failure({"file:///etc/passwd", md5(""), 0}, scratch / "x");
  CHECK(code == Exit::data);
  CHECK(std::filesystem::is_empty(scratch.path()));
}

TEST_CASE("a part that is whole already, or longer than the file, does no harm", "[programs][fast]") {
  const HttpServer server({.content = content()});
  for (const std::string& part : {content(), content() + "x", content().substr(0, 5) + "wrong"}) {
    const Scratch scratch;
    std::ofstream(scratch / "x.part", std::ios::binary) << part;
    const auto [code, what] = failure(described(server), scratch / "x");
    if (code != Exit::done) download(described(server), scratch / "x");  // the bad part is gone now
    CHECK(text_of(scratch / "x") == content());
  }
}

TEST_CASE("a download stops when asked and says how to go on", "[programs][fast]") {
  const HttpServer server({.content = content()});
  const Scratch scratch;
  std::stop_source source;
  source.request_stop();
  const auto [code, what] = failure(described(server), scratch / "x", source.get_token());
  CHECK(code == Exit::interrupted);
  CHECK_THAT(what, ContainsSubstring("the same command goes on from there"));
}

TEST_CASE("noyau-data fetch reports on one line what went wrong", "[programs][fast]") {
  const HttpServer server({.content = content()});
  const Scratch scratch;
  const ProcessResult wrong = run_program(
      "noyau-data", {"fetch", "cifar10", "--data-dir", scratch.path(), "--url", server.url("kriz")});
  CHECK(wrong.code == 3);
  CHECK_THAT(wrong.err,
             ContainsSubstring(
                 "/kriz/cifar-10-binary.tar.gz has 300000 bytes, expected 170052171; nothing was kept"));
  const ProcessResult mnist =
      run_program("noyau-data", {"fetch", "mnist", "--data-dir", scratch.path(), "--url", server.url("")});
  CHECK(mnist.code == 3);
  CHECK_THAT(mnist.err, ContainsSubstring("expected f68b3c2dcbeaaa9fbdd348bbdeb94873; it was removed"));
  CHECK(run_program("noyau-data", {"fetch", "notmnist"}).code == 2);
  CHECK(
      run_program("noyau-data", {"fetch", "mnist", "--data-dir", "/proc/x", "--url", server.url("")}).code ==
      1);
  const ProcessResult usage = run_program("noyau-data", {"fetch"});
  CHECK(usage.code == 2);
  CHECK_THAT(usage.err, ContainsSubstring("noyau-data: "));
  CHECK(run_program("noyau-data", {"--help"}).code == 0);
}
