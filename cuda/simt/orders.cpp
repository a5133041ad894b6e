#include "orders.h"

#include <algorithm>

#include "launch.h"

namespace simt {

namespace {

class KeptOrder {
 public:
  KeptOrder() : order_(order()) {}
  ~KeptOrder() { set_order(order_); }
  KeptOrder(const KeptOrder&) = delete;
  KeptOrder& operator=(const KeptOrder&) = delete;

 private:
  std::string order_;
};

}  // namespace

std::string compare_orders(const std::function<std::vector<unsigned char>()>& run, int shuffles) {
  const KeptOrder kept;
  set_order("forward");
  const std::vector<unsigned char> first = run();
  std::vector<std::string> others{"reverse"};
  for (int seed = 1; seed <= shuffles; ++seed) others.push_back("shuffle:" + std::to_string(seed));
  for (const std::string& other : others) {
    set_order(other);
    const std::vector<unsigned char> result = run();
    if (result == first) continue;
    const auto at =
        std::mismatch(first.begin(), first.end(), result.begin(), result.end()).first - first.begin();
    return "simt: order " + other + " gives another result than forward, from byte " + std::to_string(at) +
           " on";
  }
  return {};
}

}  // namespace simt
