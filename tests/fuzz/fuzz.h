#pragma once
// What every target shares: a reader may refuse its input with noyau::Error, and nothing else.
#include <cstddef>
#include <cstdint>
#include <span>

#include "noyau/error.h"

namespace noyau::fuzz {

template <class Read>
int run(const std::uint8_t* data, std::size_t size, Read&& read) {
  try {
    read(std::span(data, size));
  } catch (const Error&) {
  }
  return 0;
}

}  // namespace noyau::fuzz
