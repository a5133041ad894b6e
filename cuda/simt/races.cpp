#include "races.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "address_space.h"
#include "block.h"
#include "memory.h"
#include "report.h"

namespace simt {

namespace {

bool instrumented = false;
bool wanted = [] {
  const char* text = std::getenv("NOYAU_SIMT_CHECKS");
  return text == nullptr || std::strcmp(text, "0") != 0;
}();

struct Place {
  const void* code = nullptr;
  Site site;
};

std::string text(const Place& place) {
  return place.code != nullptr ? source_line(place.code) : text(place.site);
}

std::string place_of(const Access& a) {
  if (a.line == Access::kCopy) return static_cast<const char*>(a.place);
  return a.line != 0 ? text(Site{static_cast<const char*>(a.place), a.line}) : source_line(a.place);
}

[[noreturn]] void fail_at(const Place& place, const std::string& what) {
  block->fail(report(*block, block->current(), text(place), what));
}

std::string verb(Touch kind) {
  switch (kind) {
    case Touch::read:
      return "reads ";
    case Touch::atomic:
      return "atomically updates ";
    case Touch::begin_copy:
    case Touch::end_copy:
      return "fills by cp.async ";
    default:
      return "writes ";
  }
}

bool same_operation(const Access& a, const Access& b) {
  return a.operation == b.operation && a.stream == b.stream;
}
bool same_block(const Access& a, const Access& b) { return same_operation(a, b) && a.block == b.block; }

// Whether something orders `before`, which happened first in the simulation, against `now`. Blocks do not share shared
// memory, though one CPU thread uses the same bytes for all of its blocks.
bool ordered(const Access& before, const Access& now, bool shared) {
  if (!same_operation(before, now)) {
    return shared || block->launch().operation.comes_after(before.stream, before.operation);
  }
  if (before.block != now.block) return shared;
  if (before.thread == now.thread || before.epoch < now.epoch) return true;
  return block->clocks.knows(now.thread, before.thread, before.time);
}

std::string who(const Access& a) {
  const Operation& mine = block->launch().operation;
  if (a.stream != mine.stream) return "an operation of stream " + std::to_string(a.stream);
  const dim3 g = block->launch().grid, b = block->launch().block;
  std::string text;
  if (a.block != static_cast<std::uint32_t>(block->index())) {
    text = "block " + simt::text(dim3(a.block % g.x, a.block / g.x % g.y, a.block / g.x / g.y)) + ", ";
  }
  const unsigned t = a.thread;
  return text + "thread " + simt::text(dim3(t % b.x, t / b.x % b.y, t / b.x / b.y));
}

// Judges one access, cell by cell, and remembers it. `allocation` is null in shared memory.
struct Judge {
  Touch kind;
  const Place& place;
  const Access& now;
  const Allocation* allocation;
  std::string why = {};  // what is wrong, once something is

  // A fiber that fails is never unwound, so it must not hold the page's lock then.
  void operator()(Shadow& shadow, std::size_t offset, std::size_t bytes) {
    if (!shadow.visit(offset, bytes, [this](Cell& cell, std::size_t at) { return accept(cell, at); })) {
      fail_at(place, why);
    }
  }

  bool accept(Cell& cell, std::size_t offset) {
    if (allocation == nullptr && !accept_shared(cell, offset)) return false;
    if (!(now.atomic && cell.write.atomic) && !ordered(cell.write, now, allocation == nullptr))
      return conflict(cell.write, "wrote", offset);
    if (kind == Touch::read) {
      if (cell.read.thread != now.thread || !same_block(cell.read, now)) cell.other_read = cell.read;
      cell.read = now;
      return true;
    }
    for (const Access* read : {&cell.read, &cell.other_read}) {
      if (!ordered(*read, now, allocation == nullptr)) return conflict(*read, "read", offset);
    }
    cell.write = now;
    return true;
  }

  bool accept_shared(const Cell& cell, std::size_t offset) {
    const bool written = same_block(cell.write, now);
    if (written && cell.write.pending && kind != Touch::end_copy) {
      why = verb(kind) + target(offset) + ", which " + who(cell.write) + " is still filling by cp.async at " +
            place_of(cell.write) + ": its group was not waited for";
    } else if (!written && (kind == Touch::read || kind == Touch::atomic)) {
      why = verb(kind) + target(offset) + ", which no thread of the block has written";
    }
    return why.empty();
  }

  bool conflict(const Access& before, const char* did, std::size_t offset) {
    why = verb(kind) + target(offset) + ", which " + who(before) + " " + did + " at " + place_of(before) +
          ", and nothing orders the two";
    return false;
  }

  std::string target(std::size_t offset) const {
    const std::string name = allocation != nullptr ? describe(*allocation) : "shared memory";
    return "byte " + std::to_string(offset) + " of " + name;
  }
};

Access access_now(Touch kind, const Place& place) {
  const Thread& t = block->current();
  Access a;
  a.place = place.code != nullptr ? place.code : place.site.file;
  a.line = place.code != nullptr ? 0 : place.site.line;
  a.operation = block->launch().operation.time;
  a.stream = block->launch().operation.stream;
  a.block = static_cast<std::uint32_t>(block->index());
  a.epoch = block->clocks.epoch();
  a.time = block->clocks.time(t.linear);
  a.thread = static_cast<std::uint16_t>(t.linear);
  a.atomic = kind == Touch::atomic;
  a.pending = kind == Touch::begin_copy;
  return a;
}

void judge_dynamic_shared(const char* p, std::size_t bytes, Judge& judge) {
  const char* begin = block->shared();
  const std::size_t size = block->launch().shared_bytes;
  if (p < begin || p + bytes > begin + size) {
    fail_at(judge.place, verb(judge.kind) + "bytes " + std::to_string(p - begin) + " to " +
                             std::to_string(p - begin + static_cast<std::ptrdiff_t>(bytes)) + " of " +
                             std::to_string(size) + " bytes of dynamic shared memory");
  }
  judge(block->dynamic_shadow, static_cast<std::size_t>(p - begin), bytes);
}

void judge_static_shared(const char* p, std::size_t bytes, const Range& variables, Judge& judge) {
  if (is_built_in(p)) return;
  block->static_shadow.resize(variables.bytes);
  judge(block->static_shadow, static_cast<std::size_t>(p - variables.begin), bytes);
}

void judge_global(const char* p, std::size_t bytes, Judge& judge) {
  if (const Allocation* allocation = find_allocation(p)) {
    if (const std::string why = outside(*allocation, p, bytes); !why.empty()) {
      fail_at(judge.place, verb(judge.kind) + std::to_string(bytes) + " bytes, " + why);
    }
    judge.allocation = allocation;
    judge(*allocation->shadow, static_cast<std::size_t>(p - allocation->begin), bytes);
  } else if (!block->launch().holds_argument(p) && !in_program(p)) {
    fail_at(judge.place,
            verb(judge.kind) + std::to_string(bytes) + " bytes of memory that is not the device's");
  }
}

void judge(const void* address, std::size_t bytes, Touch kind, const Place& place) {
  if (block->on_stack(address)) return;
  const auto* p = static_cast<const char*>(address);
  const Access now = access_now(kind, place);
  Judge judge{kind, place, now, nullptr};
  const Range arena{block->shared() - Block::kGuard, block->launch().shared_bytes + 2 * Block::kGuard};
  if (arena.holds(p)) return judge_dynamic_shared(p, bytes, judge);
  if (const Range& variables = thread_variables(); variables.holds(p)) {
    return judge_static_shared(p, bytes, variables, judge);
  }
  judge_global(p, bytes, judge);
}

}  // namespace

bool checking() { return instrumented && wanted; }
void set_checking(bool on) { wanted = on; }
void found_instrumentation() { instrumented = true; }

void touch_by_call(const char* call, const void* p, std::size_t bytes, Touch kind,
                   const Operation& operation) {
  const Allocation* allocation = checking() ? find_allocation(p) : nullptr;
  if (allocation == nullptr) return;
  Access now;
  now.place = call;
  now.line = Access::kCopy;
  now.operation = operation.time;
  now.stream = operation.stream;
  std::string why;
  const auto accept = [&](Cell& cell, std::size_t offset) {
    for (const Access* a : {&cell.write, &cell.read, &cell.other_read}) {
      if (a != &cell.write && kind == Touch::read) break;
      if (operation.comes_after(a->stream, a->operation)) continue;
      why = "byte " + std::to_string(offset) + " of " + describe(*allocation) +
            ", which an operation of stream " + std::to_string(a->stream) +
            (a == &cell.write ? " wrote at " : " read at ") + place_of(*a);
      return false;
    }
    (kind == Touch::read ? cell.read : cell.write) = now;
    return true;
  };
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(p) - allocation->begin);
  if (allocation->shadow->visit(offset, bytes, accept)) return;
  throw Failure(std::string("simt: ") + call + " on stream " + std::to_string(operation.stream) + ": " +
                verb(kind) + why + ", and nothing orders the two");
}

void touch(const void* p, std::size_t bytes, Touch kind, const void* code) {
  if (block != nullptr && block->checked()) judge(p, bytes, kind, {code, {}});
}
void touch(const void* p, std::size_t bytes, Touch kind, Site site) {
  if (block != nullptr && block->checked()) judge(p, bytes, kind, {nullptr, site});
}

}  // namespace simt
