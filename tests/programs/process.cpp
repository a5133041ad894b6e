#include "programs/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace {

[[noreturn]] void execute(const std::string& path, const std::vector<std::string>& arguments,
                          const ProcessOptions& options) {
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
  for (const std::string& variable : options.variables) putenv(const_cast<char*>(variable.c_str()));
  if (options.largest_file > 0) {
    const rlimit limit{static_cast<rlim_t>(options.largest_file), static_cast<rlim_t>(options.largest_file)};
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
  }
  constexpr uid_t kNobody = 65534;
  if (options.as_nobody && (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0))
    _exit(126);
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  _exit(127);
}

void drain(int file, std::string& text) {
  char buffer[4096];
  for (ssize_t count; (count = read(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
}

}  // namespace

ProcessResult run_program(const std::string& name, const std::vector<std::string>& arguments,
                          const ProcessOptions& options) {
  const std::string path = std::string(NOYAU_PROGRAMS) + "/" + name;
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  // A signal between fork and exec would run the handlers of this process.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t process = fork();
  if (process == 0) {
    for (const int caught : {SIGINT, SIGTERM}) signal(caught, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    execute(path, arguments, options);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (process < 0) throw std::runtime_error("fork");
  close(out[1]);
  close(err[1]);
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  fcntl(err[0], F_SETFL, O_NONBLOCK);
  ProcessResult result;
  int status = 0;
  for (bool running = true; running;) {
    pollfd files[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
    poll(files, 2, 5);
    running = waitpid(process, &status, WNOHANG) == 0;
    drain(out[0], result.out);
    drain(err[0], result.err);
    if (running && options.meanwhile) options.meanwhile(process, result.err);
  }
  close(out[0]);
  close(err[0]);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}
