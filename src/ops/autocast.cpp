#include "ops/autocast.h"

#include "name_table.h"
#include "noyau/precision.h"

namespace noyau::inline v0 {
namespace {

constexpr NameTable<Precision, 4> kPrecisions{
    {{"f32", Precision::f32}, {"tf32", Precision::tf32}, {"f16", Precision::f16}, {"bf16", Precision::bf16}}};

thread_local Precision current = Precision::f32;

}  // namespace

const std::vector<std::string>& precision_names() {
  static const std::vector<std::string> names = names_of(kPrecisions);
  return names;
}
Precision precision_named(std::string_view name) {
  return value_of(kPrecisions, "precision", "precision", name);
}
void append(std::string& text, Precision precision) { append(text, name_of(kPrecisions, precision)); }

Autocast::Autocast(Precision precision) : before_(current) { current = precision; }
Autocast::~Autocast() { current = before_; }
Precision Autocast::precision() { return current; }

Tensor product_operand(const char* op, const Tensor& x) {
  if (current == Precision::f32 || !x.defined()) return x;
  NOYAU_CHECK(x.device().kind == Device::Kind::cuda, op, ": precision ", current,
              " needs a CUDA device, not ", x.device(), "; use precision f32");
  if (current == Precision::tf32 || x.dtype() != Dtype::f32) return x;
  return x.to(current == Precision::f16 ? Dtype::f16 : Dtype::bf16);
}

}  // namespace noyau::inline v0
