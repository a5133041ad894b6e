#pragma once
// The transforms of winograd_matrices.h in both directions, and the tiles they are applied to. A transform owns one tile
// times one vector of channels: 16 or 36 vectors, which pass through registers row by row.
#include "cpu/isa.h"
#include "cpu/kernels/winograd_matrices.h"

namespace noyau::inline v0 {
namespace {

// store(i, j, t[i][j]) with t = M d M' and d[i][j] = load(i, j).
template <class Matrix, class T, class V, class Load, class Store>
[[gnu::always_inline]] inline void transform(Load load_cell, Store store_cell) {
  constexpr int kIn = Matrix::kIn;
  constexpr int kOut = Matrix::kOut;
  V half[kOut][kIn];
  unroll<0, kIn>([&](auto j) {
    V column[kIn];
    V result[kOut];
    unroll<0, kIn>([&](auto i) { column[i] = load_cell(i, j); });
    Matrix::template apply<T>(column, result);
    unroll<0, kOut>([&](auto i) { half[i][j] = result[i]; });
  });
  unroll<0, kOut>([&](auto i) {
    V result[kOut];
    Matrix::template apply<T>(half[i], result);
    unroll<0, kOut>([&](auto j) { store_cell(i, j, result[j]); });
  });
}

// One tile: image n, rows from i * outputs and columns from j * outputs on.
struct WinogradTile {
  std::int64_t n, i, j;
};

inline WinogradTile winograd_tile(const WinogradTiles& tiles, std::int64_t index) {
  return {index / (tiles.rows * tiles.columns), index / tiles.columns % tiles.rows, index % tiles.columns};
}

// The one after it.
inline WinogradTile next_tile(const WinogradTiles& tiles, WinogradTile tile) {
  if (++tile.j < tiles.columns) return tile;
  tile.j = 0;
  if (++tile.i < tiles.rows) return tile;
  return {tile.n + 1, 0, 0};
}

inline std::int64_t tile_count(const WinogradTiles& tiles) {
  return tiles.images * tiles.rows * tiles.columns;
}

// The cells of a tile of `span` x `span` pixels; those outside the image are zeros.
template <int span, class T>
struct TileCells {
  const T* at[span][span];

  TileCells(const TiledImages<T>& x, int outputs, const WinogradTile& tile) {
    const std::int64_t y0 = tile.i * outputs - x.top;
    const std::int64_t x0 = tile.j * outputs - x.left;
    const std::int64_t row = x.width * x.channels;
    const T* origin = x.data + tile.n * x.height * row;
    if (y0 >= 0 && x0 >= 0 && y0 + span <= x.height && x0 + span <= x.width) {
      const T* const first = origin + y0 * row + x0 * x.channels;
      for (int i = 0; i < span; ++i) {
        for (int j = 0; j < span; ++j) at[i][j] = first + i * row + j * x.channels;
      }
      return;
    }
    for (int i = 0; i < span; ++i) {
      const bool row_inside = y0 + i >= 0 && y0 + i < x.height;
      for (int j = 0; j < span; ++j) {
        const bool inside = row_inside && x0 + j >= 0 && x0 + j < x.width;
        at[i][j] = inside ? origin + (y0 + i) * row + (x0 + j) * x.channels : x.zeros;
      }
    }
  }
};

// Planes of the transformed tiles [begin, end), channels [first, first + count). Vectors reach past the channels.
template <class Matrix, class Isa, class T>
void transform_tiles(const TiledImages<T>& x, const WinogradTiles& tiles, std::int64_t begin,
                     std::int64_t end, std::int64_t first, std::int64_t count, std::int64_t row,
                     std::int64_t plane, T* to) {
  using V = Vector<Isa, T>;
  WinogradTile tile = winograd_tile(tiles, begin);
  for (std::int64_t index = begin; index < end; ++index, to += row, tile = next_tile(tiles, tile)) {
    const TileCells<Matrix::kIn, T> cells(x, tiles.outputs, tile);
    for (std::int64_t c = 0; c < count; c += kLanes<Isa, T>) {
      T* at = to + c;
      transform<Matrix, T, V>(
          [&](auto i, auto j) { return load<Isa>(cells.at[i][j] + first + c); },
          [&](auto i, auto j, const V& value) { store<Isa>(at + (i * Matrix::kOut + j) * plane, value); });
    }
  }
}

}  // namespace
}  // namespace noyau::inline v0
