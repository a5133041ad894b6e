#include "noyau/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <tuple>

#include "json.h"
#include "noyau/tensor.h"
#include "profiler.h"

namespace noyau::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

double between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

int thread_number() {
  static std::atomic<int> count{0};
  thread_local const int number = count++;
  return number;
}

struct Call {
  std::string op;
  ProfilePhase phase = ProfilePhase::forward;
  int thread = 0;
  Clock::time_point begin;
  double seconds = 0;
  double inner = 0;  // of which in calls within this one, which have rows of their own
  double flops = 0, bytes = 0;
  std::vector<std::string> operands;  // shapes
};

// Calls under way on this thread, the innermost last.
std::vector<Call>& open_calls() {
  thread_local std::vector<Call> calls;
  return calls;
}

// What collects, if anything does.
struct Collector {
  std::mutex mutex;
  std::vector<Call>* calls = nullptr;
  Clock::time_point begin;
};
Collector& collector() {
  static Collector instance;
  return instance;
}

// In an order that does not depend on the compiler's for arguments.
std::string joined(std::vector<std::string> shapes) {
  std::sort(shapes.begin(), shapes.end());
  std::string text;
  for (const std::string& shape : shapes) text += (text.empty() ? "" : " ") + shape;
  return text;
}

std::string fixed(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string rate(double amount, double seconds) {
  return amount > 0 && seconds > 0 ? fixed(amount / seconds / 1e9, 1) : "-";
}

}  // namespace

namespace detail {

std::atomic<bool> profiling{false};

void add_operand(const Tensor& operand) {
  if (open_calls().empty()) return;
  Call& call = open_calls().back();
  call.bytes += static_cast<double>(operand.size()) * static_cast<double>(element_size(operand.dtype()));
  call.operands.push_back(message(operand.shape()));
}

void add_flops(double flops) {
  if (!open_calls().empty()) open_calls().back().flops += flops;
}

}  // namespace detail

void append(std::string& text, ProfilePhase phase) {
  constexpr std::string_view kNames[] = {"forward", "backward", "update"};
  append(text, kNames[static_cast<std::size_t>(phase)]);
}

ProfilePhase& PhaseScope::current() {
  thread_local ProfilePhase phase = ProfilePhase::forward;
  return phase;
}

void KernelTimer::begin(std::string_view op) {
  running_ = true;
  Call call;
  call.op = op;
  call.phase = PhaseScope::current();
  call.thread = thread_number();
  call.begin = Clock::now();
  open_calls().push_back(std::move(call));
}

void KernelTimer::end() {
  Call call = std::move(open_calls().back());
  open_calls().pop_back();
  call.seconds = between(call.begin, Clock::now());
  if (!open_calls().empty()) open_calls().back().inner += call.seconds;
  Collector& target = collector();
  const std::lock_guard lock(target.mutex);
  if (target.calls != nullptr && call.begin >= target.begin) target.calls->push_back(std::move(call));
}

struct Profile::Calls {
  std::vector<Call> all;
  Clock::time_point begin = Clock::now();
  double seconds = 0;
  bool running = true;
};

Profile::Profile() : calls_(std::make_unique<Calls>()) {
  Collector& target = collector();
  const std::lock_guard lock(target.mutex);
  NOYAU_CHECK(target.calls == nullptr, "profile: another Profile collects already; stop() it first");
  target.calls = &calls_->all;
  target.begin = calls_->begin;
  detail::profiling = true;
}

Profile::~Profile() { stop(); }

void Profile::stop() {
  if (!calls_->running) return;
  Collector& target = collector();
  const std::lock_guard lock(target.mutex);
  detail::profiling = false;
  target.calls = nullptr;
  calls_->running = false;
  calls_->seconds = between(calls_->begin, Clock::now());
}

double Profile::seconds() {
  stop();
  return calls_->seconds;
}

std::vector<ProfileRow> Profile::rows(ProfileBy by) {
  stop();
  std::map<std::tuple<std::string, ProfilePhase, std::string>, ProfileRow> sums;
  for (const Call& call : calls_->all) {
    const std::string operands = by == ProfileBy::operands ? joined(call.operands) : "";
    ProfileRow& row = sums[{call.op, call.phase, operands}];
    row.name = call.op;
    row.phase = call.phase;
    row.operands = operands;
    ++row.calls;
    row.seconds += call.seconds - call.inner;
    row.flops += call.flops;
    row.bytes += call.bytes;
  }
  std::vector<ProfileRow> rows;
  rows.reserve(sums.size());
  for (auto& [key, row] : sums) rows.push_back(std::move(row));
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
  return rows;
}

std::string Profile::table(ProfileBy by) {
  const double whole = seconds();
  double rest = whole;
  char line[200];
  const auto print = [&](std::string_view name, std::string_view phase, std::string_view calls, double time,
                         std::string_view flops, std::string_view bytes, std::string_view operands) {
    std::snprintf(line, sizeof line, "%-26.*s %-9.*s %7.*s %10.2f %6.1f %% %9.*s %7.*s",  //
                  static_cast<int>(name.size()), name.data(), static_cast<int>(phase.size()), phase.data(),
                  static_cast<int>(calls.size()), calls.data(), 1e3 * time, 100 * time / whole,
                  static_cast<int>(flops.size()), flops.data(), static_cast<int>(bytes.size()), bytes.data());
    return message(line, operands.empty() ? "" : "  ", operands, "\n");
  };
  std::snprintf(line, sizeof line, "%-26s %-9s %7s %10s %8s %9s %7s\n", "op", "phase", "calls", "ms", "share",
                "GFLOP/s", "GB/s");
  std::string text = line;
  for (const ProfileRow& row : rows(by)) {
    text += print(row.name, message(row.phase), std::to_string(row.calls), row.seconds,
                  rate(row.flops, row.seconds), rate(row.bytes, row.seconds), row.operands);
    rest -= row.seconds;
  }
  text += print("outside kernels", "", "", std::max(0.0, rest), "", "", "");
  return text + print("total", "", "", whole, "", "", "");
}

std::string Profile::chrome_trace() {
  stop();
  Json events = Json::array();
  for (const Call& call : calls_->all) {
    Json arguments = {{"operands", joined(call.operands)}, {"bytes", call.bytes}};
    if (call.flops > 0) arguments["GFLOP/s"] = call.flops / call.seconds / 1e9;
    events.push_back({{"name", call.op},
                      {"cat", message(call.phase)},
                      {"ph", "X"},
                      {"ts", 1e6 * between(calls_->begin, call.begin)},
                      {"dur", 1e6 * call.seconds},
                      {"pid", 0},
                      {"tid", call.thread},
                      {"args", std::move(arguments)}});
  }
  return Json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}}.dump() + "\n";
}

}  // namespace noyau::inline v0
