#pragma once
// What listens to the outputs of modules on this thread: the mechanism behind tap(), replace(), observe() and summary().
#include "noyau/module.h"

namespace noyau::inline v0 {

class Observer {
 public:
  virtual ~Observer() = default;
  // Called with what `module` returns; the result takes its place.
  virtual Tensor output(const Module& module, const Tensor& y) = 0;
  // True when the output of `module` must be computed as such: not fused away.
  virtual bool watches(const Module& module) const = 0;
  // True when the output of `module` is given, so that it need not run.
  virtual bool replaces(const Module&) const { return false; }
  // True when a Sequential that holds `module` may start there: nothing before it is needed.
  virtual bool resumes_in(const Module&) const { return false; }
};

// The observer of this thread; null when none.
Observer*& observer();

// Makes `mine` the observer while it lives.
class Observing {
 public:
  explicit Observing(Observer& mine) : before_(observer()) { observer() = &mine; }
  ~Observing() { observer() = before_; }
  Observing(const Observing&) = delete;
  Observing& operator=(const Observing&) = delete;

 private:
  Observer* before_;
};

}  // namespace noyau::inline v0
