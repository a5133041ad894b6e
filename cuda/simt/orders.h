#pragma once
// The same work in every order of threads and blocks: a kernel without races gives the same bits in all of them.
#include <functional>
#include <string>
#include <vector>

namespace simt {

// Runs `run`, which returns a result's bytes, forward, in reverse and shuffled by `shuffles` seeds. Returns nothing if all
// results are equal, or a line that says which order gave another byte. The order chosen before is restored.
std::string compare_orders(const std::function<std::vector<unsigned char>()>& run, int shuffles = 3);

}  // namespace simt
