#pragma once
#include "noyau/module.h"

namespace noyau::inline v0 {

// Sets evaluation mode while it lives.
class EvaluationMode {
 public:
  explicit EvaluationMode(Module& module) : module_(module), before_(module.train(false)) {}
  ~EvaluationMode() { module_.train(before_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Module& module_;
  bool before_;
};

}  // namespace noyau::inline v0
