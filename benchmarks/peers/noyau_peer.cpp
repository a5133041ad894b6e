// noyau's side of compare.py: one JSON command a line on stdin, one JSON answer a line on stdout. Twin of torch_peer.py.
#include <iostream>

#include "noyau_convolution.h"
#include "noyau_training.h"

namespace peer {
namespace {

class Peer {
 public:
  Json answer(const Json& command) {
    const std::string what = command.at("do");
    if (what == "settings") return settings(command.at("threads"));
    if (what == "architecture") return Training::architecture(command);
    if (what == "new") return training_.start(command);
    if (what == "speedrun") return training_.speedrun(command);
    if (what == "load") return training_.load(command.at("file"));
    if (what == "losses") return training_.losses(command.value("count", std::size_t{5}));
    if (what == "time") return training_.time(command.at("steps"));
    if (what == "memory") return training_.memory(command.at("steps"));
    if (what == "data") return training_.data(command);
    if (what == "epoch") return training_.epoch(command.value("steps", std::int64_t{0}));
    if (what == "loading") return training_.loading();
    if (what == "evaluate") return training_.evaluate();
    if (what == "outputs") return training_.outputs();
    if (what == "predict") return training_.predict(command.at("runs"));
    if (what == "maps") return training_.maps(command.at("method"), command.at("count"));
    if (what == "time_maps") return training_.time_maps(command.at("method"));
    if (what == "load_convolution") return convolution_.load(command);
    if (what == "time_convolution") return convolution_.time(command.at("runs"));
    noyau::fail("noyau-bench-peer: unknown command '", what, "'");
  }

 private:
  static Json settings(int threads) {
    noyau::set_num_threads(threads);
    return {{"name", "noyau"},
            {"settings", noyau::message("noyau, ", threads, " threads, ", noyau::cpu_isa())}};
  }

  Training training_;
  Convolution convolution_;
};

}  // namespace
}  // namespace peer

int main() {
  try {
    peer::Peer peer;
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << peer.answer(peer::Json::parse(line)).dump() << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << "noyau-bench-peer: " << error.what() << '\n';
    return 1;
  }
}
