#pragma once
// Enumerators by name and back.
#include <array>
#include <utility>

#include "noyau/names.h"

namespace noyau::inline v0 {

template <class E, std::size_t N>
using NameTable = std::array<std::pair<std::string_view, E>, N>;

template <class E, std::size_t N>
std::vector<std::string> names_of(const NameTable<E, N>& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.emplace_back(name);
  return names;
}

template <class E, std::size_t N>
E value_of(const NameTable<E, N>& table, std::string_view where, std::string_view what,
           std::string_view wanted) {
  for (const auto& [name, value] : table) {
    if (name == wanted) return value;
  }
  fail_unknown(where, what, wanted, names_of(table));
}

template <class E, std::size_t N>
std::string_view name_of(const NameTable<E, N>& table, E wanted) {
  for (const auto& [name, value] : table) {
    if (value == wanted) return name;
  }
  return "?";
}

}  // namespace noyau::inline v0
