#include "report.h"

#include <dlfcn.h>

#include <cstdio>
#include <memory>
#include <string_view>

#include "block.h"

namespace simt {

namespace {

std::string triple(unsigned x, unsigned y, unsigned z) {
  return "(" + std::to_string(x) + ", " + std::to_string(y) + ", " + std::to_string(z) + ")";
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

struct Symbol {
  std::string function, line;
};

// Asks addr2line, which every compiler's linker brings along; failing that, the address itself is the name.
Symbol look_up(const void* address, long back) {
  Dl_info info{};
  if (dladdr(address, &info) == 0) return {"?", "?"};
  const long offset = static_cast<const char*>(address) - static_cast<const char*>(info.dli_fbase) - back;
  char command[1200];
  std::snprintf(command, sizeof command, "addr2line -C -f -e '%s' 0x%lx 2>/dev/null", info.dli_fname, offset);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command, "r"), pclose);
  char function[4096], line[4096];
  if (!pipe || !std::fgets(function, sizeof function, pipe.get()) ||
      !std::fgets(line, sizeof line, pipe.get())) {
    std::snprintf(line, sizeof line, "+0x%lx", offset);
    return {line, line};
  }
  Symbol symbol{function, line};
  symbol.function.pop_back();
  symbol.line = last_part(symbol.line);
  symbol.line.erase(symbol.line.find_first_of(" \n"));
  return symbol;
}

// `void a::(anonymous namespace)::f<b::c>(int)` becomes `f<b::c>`.
std::string short_name(std::string_view full) {
  constexpr std::string_view hidden = "(anonymous namespace)";
  std::size_t begin = 0, end = full.size();
  int depth = 0;
  for (std::size_t i = 0; i < full.size(); ++i) {
    if (full.substr(i, hidden.size()) == hidden) {
      i += hidden.size() - 1;
      continue;
    }
    const char c = full[i];
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (depth != 0) continue;
    if (c == '(') {
      end = i;
      break;
    }
    if (c == ' ' || c == ':') begin = i + 1;
  }
  return std::string(full.substr(begin, end - begin));
}

}  // namespace

std::string text(Site site) {
  if (site.file == nullptr) return "?";
  return std::string(last_part(site.file)) + ":" + std::to_string(site.line);
}
std::string text(dim3 extent) { return triple(extent.x, extent.y, extent.z); }
std::string name(const Thread& t) { return "thread " + triple(t.index.x, t.index.y, t.index.z); }

std::string hex(std::uint32_t value) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "0x%08x", value);
  return digits;
}

std::string function_name(const void* address) { return short_name(look_up(address, 0).function); }
std::string source_line(const void* address) { return look_up(address, 1).line; }

std::string report(const Block& b, const Thread& t, const std::string& place, const std::string& what) {
  return "simt: " + function_name(b.launch().kernel) + ": block " +
         triple(blockIdx.x, blockIdx.y, blockIdx.z) + ", " + name(t) + ", " + place + ": " + what;
}
std::string report(const Block& b, const Thread& t, Site site, const std::string& what) {
  return report(b, t, text(site), what);
}

void fail_here(Site site, const std::string& what) {
  block->fail(report(*block, block->current(), site, what));
}

}  // namespace simt
