#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "nn/observer.h"
#include "noyau/names.h"
#include "noyau/sequential.h"

namespace noyau::inline v0 {
namespace {

const Module* find(const char* caller, Module& net, std::string_view name) {
  std::vector<std::string> known;
  for (NamedModule& inside : net.modules()) {
    if (inside.name == name) return inside.module;
    known.push_back(std::move(inside.name));
  }
  fail_unknown(caller, "layer", name, known);
}

class Tap : public Observer {
 public:
  void add(const Module* module) { outputs_.emplace(module, Tensor()); }
  const Tensor& found(const Module* module) const { return outputs_.at(module); }

  Tensor output(const Module& module, const Tensor& y) override {
    const auto found = outputs_.find(&module);
    if (found != outputs_.end()) found->second = y;
    return y;
  }
  bool watches(const Module& module) const override { return outputs_.contains(&module); }

 private:
  std::unordered_map<const Module*, Tensor> outputs_;
};

class Replacement : public Observer {
 public:
  Replacement(const Module* target, Tensor value) : target_(target), value_(std::move(value)) {}

  // A Sequential with the target inside may be entered without its input.
  void add_way_in(const Module* module) { ways_in_.insert(module); }
  bool used() const { return used_; }

  Tensor output(const Module& module, const Tensor& y) override {
    if (&module != target_) return y;
    used_ = true;
    return value_;
  }
  bool watches(const Module& module) const override { return &module == target_; }
  bool replaces(const Module& module) const override { return &module == target_; }
  bool resumes_in(const Module& module) const override {
    return &module == target_ || ways_in_.contains(&module);
  }

 private:
  const Module* target_;
  Tensor value_;
  std::unordered_set<const Module*> ways_in_;
  bool used_ = false;
};

class Listener : public Observer {
 public:
  Listener(Module& net, const OutputFunction& function) : function_(function) {
    for (NamedModule& inside : net.modules()) names_.emplace(inside.module, std::move(inside.name));
  }

  // A layer and the Sequential that holds it both report the same output: it is passed on once.
  Tensor output(const Module& module, const Tensor& y) override {
    const auto found = names_.find(&module);
    const bool again = last_ == &module && last_output_.impl() == y.impl();
    if (found != names_.end() && !again) function_(found->second, y);
    last_ = &module;
    last_output_ = y;
    return y;
  }
  bool watches(const Module&) const override { return true; }

 private:
  const OutputFunction& function_;
  std::unordered_map<const Module*, std::string> names_;
  const Module* last_ = nullptr;
  Tensor last_output_;
};

}  // namespace

Tapped detail::tap(Module& net, const Forward& forward, const std::vector<std::string>& names) {
  Tap tap;
  std::vector<const Module*> targets;
  for (const std::string& name : names) tap.add(targets.emplace_back(find("tap", net, name)));
  const Observing scope(tap);
  Tapped result{forward(), {}};
  for (std::size_t i = 0; i < names.size(); ++i) {
    NOYAU_CHECK(tap.found(targets[i]).defined(), "tap: layer '", names[i], "' did not run");
    result.taps.push_back(tap.found(targets[i]));
  }
  return result;
}

Tensor detail::replace(Module& net, const Forward& forward, std::string_view name, const Tensor& value) {
  Replacement replacement(find("replace", net, name), value);
  for (const NamedModule& inside : net.modules()) {
    const bool leads = name.size() > inside.name.size() &&
                       name.substr(0, inside.name.size()) == inside.name && name[inside.name.size()] == '.';
    if (leads && dynamic_cast<Sequential*>(inside.module) != nullptr) replacement.add_way_in(inside.module);
  }
  const Observing scope(replacement);
  const Tensor y = forward();
  NOYAU_CHECK(replacement.used(), "replace: layer '", name, "' did not run");
  return y;
}

Tensor detail::observe(Module& net, const Forward& forward, const OutputFunction& function) {
  Listener listener(net, function);
  const Observing scope(listener);
  return forward();
}

}  // namespace noyau::inline v0
