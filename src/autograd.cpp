#include "noyau/autograd.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "noyau/ops.h"
#include "profiler.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {

using MetaPtr = std::shared_ptr<AutogradMeta>;

// One input of a node: where its gradient goes and what a gradient must look like.
struct Edge {
  MetaPtr meta;  // null when no gradient flows
  Shape shape;
  Dtype dtype = Dtype::f32;
  Device device;
  std::weak_ptr<Storage> storage;
  std::uint64_t version = 0;
};

struct Node {
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() { release_edges(); }

  // Long tapes would overflow the stack if each edge destroyed the next: collect them and destroy in a loop.
  void release_edges() {
    std::vector<Edge> pending = std::move(edges);
    while (!pending.empty()) {
      const MetaPtr meta = std::move(pending.back().meta);
      pending.pop_back();
      if (meta == nullptr || meta.use_count() > 1 || meta->node == nullptr || meta->node.use_count() > 1)
        continue;
      std::move(meta->node->edges.begin(), meta->node->edges.end(), std::back_inserter(pending));
      meta->node->edges.clear();
    }
  }

  // Drops everything the backward holds; the node cannot run again.
  void free() {
    freed = true;
    backward = nullptr;
    output = Tensor();
    kept_inputs.clear();
    release_edges();
  }

  const char* name = "";
  Backward backward;
  RecordOptions options;
  std::vector<Edge> edges;
  Tensor output;  // off the tape; defined only when the backward or a rule may read it
  std::uint64_t output_version = 0;
  std::vector<Tensor> kept_inputs;
  bool freed = false;
};

namespace {

thread_local bool recording = true;
thread_local bool keeping = false;
// During grad(): the tape entries whose gradient is needed; null means all.
thread_local const std::unordered_set<const AutogradMeta*>* wanted = nullptr;

template <class T>
class Restore {
 public:
  Restore(T& variable, T value) : variable_(variable), before_(variable) { variable = value; }
  ~Restore() { variable_ = before_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  T before_;
};

Edge make_edge(const Tensor& input) {
  if (!input.defined()) return {};
  const TensorImpl& impl = *input.impl();
  return {input.requires_grad() ? impl.autograd : nullptr,
          impl.shape,
          impl.dtype,
          input.device(),
          impl.storage,
          impl.storage->version.load()};
}

void check_not_freed(const Node& node) {
  NOYAU_CHECK(!node.freed, node.name, ": its tape was freed by an earlier backward(); use grad() to keep it");
}

void check_not_written(const Node& node) {
  const auto check = [&](const std::shared_ptr<Storage>& storage, std::uint64_t version, const char* role,
                         const auto& which) {
    NOYAU_CHECK(storage == nullptr || storage->version.load() == version, node.name, ": ", role, which,
                " was written after the op ran (version ", storage->version.load(), ", recorded ", version,
                "); its backward would read wrong values");
  };
  for (std::size_t i = 0; node.options.reads_inputs && i < node.edges.size(); ++i) {
    check(node.edges[i].storage.lock(), node.edges[i].version, "input ", i);
  }
  if (node.output.defined()) check(node.output.impl()->storage, node.output_version, "output", "");
}

void check_grads(const Node& node, const Grads& grads) {
  NOYAU_CHECK(grads.size() == node.edges.size(), node.name, ": backward returned ", grads.size(),
              " gradients for ", node.edges.size(), " inputs");
  for (std::size_t i = 0; i < grads.size(); ++i) {
    const Edge& edge = node.edges[i];
    const Tensor& g = grads[i];
    if (!g.defined() || edge.meta == nullptr) continue;
    NOYAU_CHECK(g.shape() == edge.shape && g.dtype() == edge.dtype && g.device() == edge.device, node.name,
                ": backward returned ", g, " as the gradient of input ", i, ", ", edge.dtype, " ", edge.shape,
                " on ", edge.device);
  }
}

Tensor attached(const Tensor& output, const MetaPtr& meta) {
  if (!output.defined()) return {};
  const TensorImpl& impl = *output.impl();
  const Tensor y = make_view(impl.storage, impl.offset, impl.shape, impl.dtype);
  y.impl()->autograd = meta;
  return y;
}

// Gradients that a kernel computed: on the tape only so that a second backward through them says what is missing.
void forbid_second_order(const Node& node, const Tensor& dy, Grads& grads) {
  const char* name = node.name;
  for (Tensor& g : grads) {
    if (!g.defined()) continue;
    auto blocker = std::make_shared<Node>();
    blocker->name = name;
    blocker->options.reads_inputs = false;
    blocker->edges.push_back(make_edge(dy));
    blocker->edges.insert(blocker->edges.end(), node.edges.begin(), node.edges.end());
    blocker->backward = [name](const Tensor&, const Tensor&) -> Grads {
      fail(name, ": no gradient of its gradient (its backward is not made of differentiable ops)");
    };
    g = g.detach();
    AutogradMeta& meta = autograd_meta(g);
    meta.requires_grad = true;
    meta.node = std::move(blocker);
  }
}

Grads run_backward(const MetaPtr& meta, const Tensor& dy, const GradOptions& options) {
  const Node& node = *meta->node;
  check_not_freed(node);
  check_not_written(node);
  const bool on_tape = options.create_graph && node.options.differentiable;
  const Restore<bool> mode(recording, on_tape);
  const Tensor y = attached(node.output, meta);
  const auto rule =
      options.rules == nullptr ? BackwardRules::const_iterator() : options.rules->find(node.name);
  const bool replaced = options.rules != nullptr && rule != options.rules->end();
  Grads grads = replaced
                    ? rule->second({node.name, node.options.options, node.kept_inputs, y, node.backward}, dy)
                    : node.backward(dy, y);
  check_grads(node, grads);
  if (options.create_graph && !on_tape) forbid_second_order(node, dy, grads);
  return grads;
}

// Tape entries that `root` depends on, each after everything it depends on.
std::vector<MetaPtr> topological_order(const MetaPtr& root) {
  std::vector<MetaPtr> order;
  std::unordered_set<const AutogradMeta*> seen{root.get()};
  std::vector<std::pair<MetaPtr, std::size_t>> stack{{root, 0}};
  while (!stack.empty()) {
    auto& [meta, next] = stack.back();
    if (meta->node == nullptr || next == meta->node->edges.size()) {
      order.push_back(meta);
      stack.pop_back();
      continue;
    }
    const MetaPtr input = meta->node->edges[next++].meta;
    if (input != nullptr && seen.insert(input.get()).second) stack.emplace_back(input, 0);
  }
  return order;
}

std::unordered_set<const AutogradMeta*> leading_to(const std::vector<MetaPtr>& order,
                                                   const std::unordered_set<const AutogradMeta*>& targets) {
  std::unordered_set<const AutogradMeta*> needed;
  for (const MetaPtr& meta : order) {
    const bool leads =
        targets.contains(meta.get()) ||
        (meta->node != nullptr && std::ranges::any_of(meta->node->edges, [&](const Edge& edge) {
           return needed.contains(edge.meta.get());
         }));
    if (leads) needed.insert(meta.get());
  }
  return needed;
}

Tensor checked_seed(const char* caller, const Tensor& out, const Tensor& seed) {
  NOYAU_CHECK(out.defined(), caller, ": the output is undefined");
  NOYAU_CHECK(out.requires_grad(), caller, ": the output (", out,
              ") does not depend on anything that requires a gradient");
  if (!seed.defined()) {
    NOYAU_CHECK(out.size() == 1, caller, ": the output ", out.shape(),
                " is not a scalar; give the gradient to start from");
    return ones(out.shape(), {out.dtype(), out.device()});
  }
  NOYAU_CHECK(seed.shape() == out.shape() && seed.dtype() == out.dtype() && seed.device() == out.device(),
              caller, ": the seed is ", seed, " but the output is ", out);
  return seed;
}

using GradMap = std::unordered_map<const AutogradMeta*, Tensor>;

void accumulate(GradMap& grads, const Node& node, Grads inputs,
                const std::unordered_set<const AutogradMeta*>* needed) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const AutogradMeta* meta = node.edges[i].meta.get();
    if (!inputs[i].defined() || meta == nullptr || (needed != nullptr && !needed->contains(meta))) continue;
    Tensor& total = grads[meta];
    total = total.defined() ? add(total, inputs[i]) : std::move(inputs[i]);
  }
}

void add_to_leaf(AutogradMeta& leaf, Tensor g) {
  if (leaf.grad.defined()) {
    leaf.grad = add(leaf.grad, g);
    return;
  }
  // A backward may return one tensor for two inputs; a leaf's gradient is its own.
  const bool shared = g.impl()->storage.use_count() > 1 || g.impl().use_count() > 1;
  leaf.grad = shared ? g.clone() : std::move(g);
}

}  // namespace

Tensor record(const char* name, const Tensor& y, const std::vector<Tensor>& inputs, Backward backward,
              RecordOptions options) {
  const bool needed = recording && std::ranges::any_of(inputs, [](const Tensor& x) {
                        return x.defined() && x.requires_grad();
                      });
  if (!needed) return y;
  auto node = std::make_shared<Node>();
  node->name = name;
  node->backward = std::move(backward);
  for (const Tensor& input : inputs) node->edges.push_back(make_edge(input));
  if (options.reads_output || keeping) {
    node->output = y.detach();
    node->output_version = y.version();
  }
  if (keeping) node->kept_inputs = inputs;
  node->options = std::move(options);
  // A view or an op that returned its input must not overwrite that input's place on the tape.
  const Tensor result = y.impl()->autograd == nullptr ? y : y.detach();
  AutogradMeta& meta = autograd_meta(result);
  meta.requires_grad = true;
  meta.node = std::move(node);
  return result;
}

bool records(std::initializer_list<Tensor> inputs) {
  return recording &&
         std::ranges::any_of(inputs, [](const Tensor& x) { return x.defined() && x.requires_grad(); });
}

bool wants_grad(const Tensor& x) {
  return x.requires_grad() && (wanted == nullptr || wanted->contains(x.impl()->autograd.get()));
}

std::vector<Tensor> grad(const Tensor& out, const std::vector<Tensor>& wrt, const GradOptions& options) {
  const PhaseScope phase(ProfilePhase::backward);
  const Tensor seed = checked_seed("grad", out, options.seed);
  std::unordered_set<const AutogradMeta*> targets;
  for (const Tensor& x : wrt) {
    NOYAU_CHECK(x.defined() && x.requires_grad(), "grad: a tensor asked for (", x, ") requires no gradient");
    targets.insert(x.impl()->autograd.get());
  }
  const std::vector<MetaPtr> order = topological_order(out.impl()->autograd);
  for (const MetaPtr& meta : order) {  // what lies behind a freed op cannot be seen
    if (meta->node != nullptr && !targets.contains(meta.get())) check_not_freed(*meta->node);
  }
  const auto needed = leading_to(order, targets);
  const Restore<const std::unordered_set<const AutogradMeta*>*> mask(wanted, &needed);
  GradMap grads{{out.impl()->autograd.get(), seed}};
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const MetaPtr& meta = *it;
    if (meta->node == nullptr || !needed.contains(meta.get()) || !grads.contains(meta.get())) continue;
    const bool only_target =
        targets.contains(meta.get()) &&
        std::ranges::none_of(meta->node->edges, [&](const Edge& e) { return needed.contains(e.meta.get()); });
    if (only_target) continue;
    Grads inputs = run_backward(meta, grads[meta.get()], options);
    const Restore<bool> mode(recording, options.create_graph);
    accumulate(grads, *meta->node, std::move(inputs), &needed);
    if (!targets.contains(meta.get())) grads.erase(meta.get());
  }
  std::vector<Tensor> results;
  for (const Tensor& x : wrt) {
    const auto found = grads.find(x.impl()->autograd.get());
    results.push_back(found == grads.end() ? Tensor() : found->second);
  }
  return results;
}

void backward(const Tensor& loss, const Tensor& seed) {
  const PhaseScope phase(ProfilePhase::backward);
  const NoGrad off;
  const MetaPtr root = loss.defined() ? loss.impl()->autograd : nullptr;
  GradMap grads{{root.get(), checked_seed("backward", loss, seed)}};
  std::vector<MetaPtr> order = topological_order(root);
  for (; !order.empty(); order.pop_back()) {
    const MetaPtr& meta = order.back();
    const auto found = grads.find(meta.get());
    Tensor dy = found == grads.end() ? Tensor() : std::move(found->second);
    if (found != grads.end()) grads.erase(found);
    if (meta->node == nullptr) {
      if (dy.defined()) add_to_leaf(*meta, std::move(dy));
      continue;
    }
    if (dy.defined()) {
      Grads inputs = run_backward(meta, dy, {});
      dy = Tensor();
      accumulate(grads, *meta->node, std::move(inputs), nullptr);
    }
    meta->node->free();
  }
}

bool grad_enabled() { return recording; }
NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }
bool keeps_tape() { return keeping; }
KeepTape::KeepTape() : before_(keeping) { keeping = true; }
KeepTape::~KeepTape() { keeping = before_; }

AutogradMeta& autograd_meta(const Tensor& tensor) {
  MetaPtr& meta = tensor.impl()->autograd;
  if (meta == nullptr) meta = std::make_shared<AutogradMeta>();
  return *meta;
}

bool Tensor::requires_grad() const {
  return impl_ != nullptr && impl_->autograd != nullptr && impl_->autograd->requires_grad;
}

const Tensor& Tensor::set_requires_grad(bool on) const {
  NOYAU_CHECK(defined() && is_floating(dtype()),
              "set_requires_grad: only floating tensors have gradients, not ", *this);
  AutogradMeta& meta = autograd_meta(*this);
  NOYAU_CHECK(meta.node == nullptr, "set_requires_grad: this tensor was computed by ", op_name(),
              "; use detach()");
  meta.requires_grad = on;
  return *this;
}

Tensor Tensor::grad() const {
  return impl_ != nullptr && impl_->autograd != nullptr ? impl_->autograd->grad : Tensor();
}

void Tensor::set_grad(const Tensor& grad) const {
  NOYAU_CHECK(
      !grad.defined() || (grad.shape() == shape() && grad.dtype() == dtype() && grad.device() == device()),
      "set_grad: gradient is ", grad, " for a tensor ", *this);
  if (grad.defined() || (impl_ != nullptr && impl_->autograd != nullptr)) autograd_meta(*this).grad = grad;
}

std::string_view Tensor::op_name() const {
  const bool computed = impl_ != nullptr && impl_->autograd != nullptr && impl_->autograd->node != nullptr;
  return computed ? impl_->autograd->node->name : "";
}

}  // namespace noyau::inline v0
