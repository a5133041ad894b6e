#include <zlib.h>

#include <algorithm>
#include <numeric>

#include "data/codec.h"
#include "noyau/image.h"

// Sources: ITU-T T.81 annex B (JPEG markers), ISO/IEC 15948 section 5 (PNG chunks), TIFF 6.0 section 2 (EXIF's tables).
namespace noyau::inline v0 {
namespace {

constexpr std::uint8_t kPngSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::uint32_t kHuffmanTables = 0xc4, kStartOfScan = 0xda, kApp1 = 0xe1;

// A number of `size` bytes at `offset`; 0 when it is not all there.
std::uint32_t number(ByteView bytes, std::size_t offset, std::size_t size, bool big_endian = true) {
  if (offset > bytes.size() || bytes.size() - offset < size) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[offset + (big_endian ? i : size - 1 - i)];
  return value;
}

// Tag 0x0112 of the first table of a TIFF header, as EXIF has it.
int tiff_orientation(ByteView tiff) {
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3, kEntrySize = 12;
  const std::uint32_t order = number(tiff, 0, 2);
  if (order != 0x4949 && order != 0x4d4d) return 1;
  const bool big = order == 0x4d4d;
  const std::size_t table = number(tiff, 4, 4, big);
  const std::uint32_t entries = number(tiff, table, 2, big);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = table + 2 + std::size_t{i} * kEntrySize;
    if (entry + kEntrySize > tiff.size()) break;
    if (number(tiff, entry, 2, big) != kOrientation || number(tiff, entry + 2, 2, big) != kShort) continue;
    const std::uint32_t value = number(tiff, entry + 8, 2, big);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

bool begins_with(ByteView bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

// Throws on Huffman tables of more than 256 codes or beyond their segment, which stb_image before 2.28 does not notice.
void check_huffman_tables(const Section& segment, const std::string& name) {
  constexpr std::size_t kCounts = 17;  // after the table's number, how many codes of each length
  for (ByteView rest = segment.contents; !rest.empty();) {
    const ByteView counts = rest.first(std::min(kCounts, rest.size())).subspan(1);
    const std::size_t codes = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
    NOYAU_CHECK(rest.size() >= kCounts + codes && codes <= 256, "image: ", name,
                " is damaged (Huffman table in the JPEG segment at byte ", segment.offset - 4, ")");
    rest = rest.subspan(kCounts + codes);
  }
}

// Progressive files have tables between scans as well; coded data cannot look like the marker.
void check_later_huffman_tables(ByteView bytes, std::size_t offset, const std::string& name) {
  for (; offset + 1 < bytes.size(); ++offset) {
    if (bytes[offset] != 0xff || bytes[offset + 1] != kHuffmanTables) continue;
    Section segment;
    std::size_t end = offset;
    NOYAU_CHECK(next_jpeg_segment(bytes, end, segment), "image: ", name, " is cut or damaged at byte ",
                offset, ", expected a JPEG segment");
    check_huffman_tables(segment, name);
  }
}

}  // namespace

bool is_png(ByteView bytes) {
  return bytes.size() >= std::size(kPngSignature) &&
         std::equal(std::begin(kPngSignature), std::end(kPngSignature), bytes.begin());
}

bool is_jpeg(ByteView bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

bool next_jpeg_segment(ByteView bytes, std::size_t& offset, Section& section) {
  while (offset + 1 < bytes.size() && bytes[offset] == 0xff && bytes[offset + 1] == 0xff)
    ++offset;  // fill bytes
  if (offset + 4 > bytes.size() || bytes[offset] != 0xff) return false;
  const std::size_t length = number(bytes, offset + 2, 2);
  if (length < 2 || length > bytes.size() - offset - 2) return false;
  section = {bytes[offset + 1], offset + 4, bytes.subspan(offset + 4, length - 2)};
  offset += 2 + length;
  return section.type != kStartOfScan;
}

bool next_png_chunk(ByteView bytes, std::size_t& offset, Section& section) {
  constexpr std::size_t kAround = 12;  // length, name and check sum
  if (offset > bytes.size() || bytes.size() - offset < kAround) return false;
  const std::size_t length = number(bytes, offset, 4);
  if (length > bytes.size() - offset - kAround) return false;
  section = {number(bytes, offset + 4, 4), offset + 8, bytes.subspan(offset + 8, length)};
  offset += kAround + length;
  return true;
}

void check_png(ByteView bytes, const std::string& name) {
  std::size_t offset = std::size(kPngSignature);
  Section chunk;
  while (next_png_chunk(bytes, offset, chunk)) {
    const std::size_t length = chunk.contents.size();
    const auto sum =
        static_cast<std::uint32_t>(crc32(0, &bytes[chunk.offset - 4], static_cast<uInt>(length + 4)));
    NOYAU_CHECK(sum == number(bytes, chunk.offset + length, 4), "image: ", name,
                " is damaged (check sum of the PNG chunk at byte ", chunk.offset - 8, ")");
    if (chunk.type == png_type("IEND")) return;
  }
  fail("image: ", name, " is cut at byte ", bytes.size(), ", expected a PNG chunk at byte ", offset);
}

void check_jpeg(ByteView bytes, const std::string& name) {
  constexpr std::uint8_t kEnd[] = {0xff, 0xd9};
  std::size_t offset = 2;
  Section segment;
  while (next_jpeg_segment(bytes, offset, segment)) {
    if (segment.type == kHuffmanTables) check_huffman_tables(segment, name);
  }
  NOYAU_CHECK(segment.type == kStartOfScan, "image: ", name, " is cut or damaged at byte ", offset,
              ", expected a JPEG segment");
  check_later_huffman_tables(bytes, offset, name);
  const ByteView scan = bytes.subspan(offset);
  const bool ends = std::search(scan.begin(), scan.end(), std::begin(kEnd), std::end(kEnd)) != scan.end();
  NOYAU_CHECK(ends, "image: ", name, " is cut at byte ", bytes.size(), ", expected the end mark of a JPEG");
}

int exif_orientation(ByteView bytes) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  Section section;
  if (is_jpeg(bytes)) {
    for (std::size_t offset = 2; next_jpeg_segment(bytes, offset, section);) {
      if (section.type == kApp1 && begins_with(section.contents, kExif)) {
        return tiff_orientation(section.contents.subspan(kExif.size()));
      }
    }
  }
  if (is_png(bytes)) {
    for (std::size_t offset = std::size(kPngSignature); next_png_chunk(bytes, offset, section);) {
      if (section.type == png_type("eXIf")) return tiff_orientation(section.contents);
    }
  }
  return 1;
}

}  // namespace noyau::inline v0
