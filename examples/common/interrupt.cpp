#include "common/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace programs {

struct Interrupts::State {
  sigset_t signals;
  std::atomic<int> signal = 0;
  std::atomic<bool> ending = false;
  std::thread watcher;
};

Interrupts::Interrupts() : state_(std::make_unique<State>()) {
  sigemptyset(&state_->signals);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR2}) sigaddset(&state_->signals, signal);
  pthread_sigmask(SIG_BLOCK, &state_->signals, nullptr);
  state_->watcher = std::thread([this] { watch(); });
}

Interrupts::~Interrupts() {
  state_->ending = true;
  pthread_kill(state_->watcher.native_handle(), SIGUSR2);
  state_->watcher.join();
}

Exit Interrupts::code() const { return state_->signal == SIGTERM ? Exit::terminated : Exit::interrupted; }

void Interrupts::watch() {
  for (;;) {
    int signal = 0;
    sigwait(&state_->signals, &signal);
    if (state_->ending) return;
    if (signal == SIGUSR2) continue;
    if (state_->signal != 0) _exit(128 + signal);
    state_->signal = signal;
    source_.request_stop();
  }
}

}  // namespace programs
