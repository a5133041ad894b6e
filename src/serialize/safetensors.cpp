#include "serialize/safetensors.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "json.h"
#include "name_table.h"

namespace noyau::inline v0 {
namespace {

// 8 bytes: length of the header, little endian; the header, JSON; the elements, row-major, without gaps.
constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kLargestHeader = 100'000'000;  // of the format's reference implementation

constexpr NameTable<Dtype, 6> kDtypes{{
    {"F32", Dtype::f32},
    {"F64", Dtype::f64},
    {"F16", Dtype::f16},
    {"BF16", Dtype::bf16},
    {"I32", Dtype::i32},
    {"U8", Dtype::u8},
}};

const char* bytes_of(const Tensor& tensor) {
  const char* bytes = nullptr;
  const auto take = [&](auto zero) { bytes = reinterpret_cast<const char*>(tensor.data<decltype(zero)>()); };
  switch (tensor.dtype()) {
    case Dtype::f32:
      take(float{});
      break;
    case Dtype::f64:
      take(double{});
      break;
    case Dtype::f16:
      take(half{});
      break;
    case Dtype::bf16:
      take(bfloat16{});
      break;
    case Dtype::i32:
      take(std::int32_t{});
      break;
    case Dtype::u8:
      take(std::uint8_t{});
      break;
  }
  return bytes;
}

std::size_t byte_count(const Tensor& tensor) {
  return static_cast<std::size_t>(tensor.size()) * element_size(tensor.dtype());
}

// The elements of a safetensors file between two offsets.
struct Entry {
  std::string name;
  Dtype dtype;
  Shape shape;
  std::uint64_t begin, end;
};

class Reader {
 public:
  Reader(Bytes bytes, const std::string& path) : path_(path), bytes_(std::move(bytes)) {
    const std::uint64_t length = header_length();
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes, length);
    data_ = kLengthBytes + length;
    const Json header = parse_json(message("load: ", path_), text);
    NOYAU_CHECK(header.is_object(), "load: ", path_, ": header is no JSON object");
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(value);
      } else {
        entries_.push_back(entry(name, value));
      }
    }
    check_offsets();
  }

  TensorFile result() const {
    TensorFile file{{}, metadata_};
    for (const Entry& entry : entries_) {
      const Tensor tensor = empty(entry.shape, {entry.dtype});
      std::memcpy(const_cast<char*>(bytes_of(tensor)), bytes_.data() + data_ + entry.begin,
                  entry.end - entry.begin);
      file.tensors.push_back({entry.name, tensor});
    }
    return file;
  }

 private:
  std::uint64_t header_length() const {
    NOYAU_CHECK(bytes_.size() >= kLengthBytes, "load: ", path_, ": ", bytes_.size(),
                " bytes are too few for a safetensors file");
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::uint64_t{bytes_[i]} << (8 * i);
    NOYAU_CHECK(length <= kLargestHeader, "load: ", path_, ": header of ", length,
                " bytes at offset 0; this is no safetensors file");
    NOYAU_CHECK(length <= bytes_.size() - kLengthBytes, "load: ", path_, ": header of ", length,
                " bytes is cut off after ", bytes_.size() - kLengthBytes);
    return length;
  }

  void read_metadata(const Json& value) {
    NOYAU_CHECK(value.is_object(), "load: ", path_, ": '__metadata__' is no JSON object");
    for (const auto& [key, text] : value.items()) {
      NOYAU_CHECK(text.is_string(), "load: ", path_, ": metadata '", key, "' is no text");
      metadata_[key] = text.get<std::string>();
    }
  }

  Entry entry(const std::string& name, const Json& value) const {
    const std::string where = message("load: ", path_, ": tensor '", name, "'");
    const auto is_list = [&](const char* key, std::size_t most) {
      return value.contains(key) && value[key].is_array() && value[key].size() <= most &&
             std::all_of(value[key].begin(), value[key].end(),
                         [](const Json& n) { return n.is_number_unsigned(); });
    };
    NOYAU_CHECK(value.is_object() && value.contains("dtype") && value["dtype"].is_string(), where,
                " has no dtype");
    NOYAU_CHECK(is_list("shape", Shape::kMaxRank), where, " has no shape of at most ", int{Shape::kMaxRank},
                " extents");
    NOYAU_CHECK(is_list("data_offsets", 2) && value["data_offsets"].size() == 2, where,
                " has no pair of data_offsets");
    const Dtype dtype = value_of(kDtypes, where, "dtype", value["dtype"].get<std::string>());
    const auto begin = value["data_offsets"][0].get<std::uint64_t>(),
               end = value["data_offsets"][1].get<std::uint64_t>();
    const std::uint64_t available = bytes_.size() - data_;
    NOYAU_CHECK(begin <= end && end <= available, where, " lies at bytes ", begin, " to ", end, " of ",
                available);
    const auto extents = value["shape"].get<std::vector<std::uint64_t>>();
    std::uint64_t count = element_size(dtype);
    for (const std::uint64_t extent : extents) {
      NOYAU_CHECK(extent == 0 || count <= available / extent, where, " is larger than the file");
      count *= extent;
    }
    NOYAU_CHECK(count == end - begin, where, " of ", count, " bytes lies at bytes ", begin, " to ", end);
    return {name, dtype, Shape(std::vector<std::int64_t>(extents.begin(), extents.end())), begin, end};
  }

  void check_offsets() const {
    std::vector<const Entry*> sorted;
    for (const Entry& entry : entries_) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
      return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::uint64_t at = 0;
    for (const Entry* entry : sorted) {
      NOYAU_CHECK(entry->begin == at, "load: ", path_, ": tensor '", entry->name, "' begins at byte ",
                  entry->begin,
                  entry->begin < at ? ", inside another, which ends at " : ", after a gap from ", at);
      at = entry->end;
    }
    NOYAU_CHECK(at == bytes_.size() - data_, "load: ", path_, ": ", bytes_.size() - data_ - at,
                " bytes after the last tensor, at offset ", data_ + at);
  }

  std::string path_;
  Bytes bytes_;
  std::uint64_t data_ = 0;  // offset of the elements
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

void write_file_atomically(const std::string& path, std::string_view bytes) {
  write_file(path, ByteView(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

void save_tensors(const std::string& path, const TensorFile& file) {
  std::unordered_set<std::string> names;
  std::vector<NamedTensor> aligned;  // large elements first, so that all are aligned
  Json header = Json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  for (const NamedTensor& named : file.tensors) {
    NOYAU_CHECK(names.insert(named.name).second, "save: ", path, ": two tensors are named '", named.name,
                "'");
    NOYAU_CHECK(named.tensor.defined(), "save: ", path, ": tensor '", named.name, "' is undefined");
    aligned.push_back({named.name, named.tensor.detach().to(Device())});
  }
  std::stable_sort(aligned.begin(), aligned.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return element_size(a.tensor.dtype()) > element_size(b.tensor.dtype());
  });
  std::uint64_t at = 0;
  for (const auto& [name, tensor] : aligned) {
    const std::uint64_t end = at + byte_count(tensor);
    header[name] = {{"dtype", name_of(kDtypes, tensor.dtype())},
                    {"shape", std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end())},
                    {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  std::string bytes;
  bytes.reserve(kLengthBytes + text.size() + at);
  for (std::size_t i = 0; i < kLengthBytes; ++i) bytes += static_cast<char>(text.size() >> (8 * i) & 0xff);
  bytes += text;
  for (const NamedTensor& named : aligned) bytes.append(bytes_of(named.tensor), byte_count(named.tensor));
  write_file_atomically(path, bytes);
}

TensorFile parse_tensors(Bytes bytes, const std::string& path) {
  return Reader(std::move(bytes), path).result();
}

TensorFile load_tensors(const std::string& path) { return parse_tensors(read_file(path), path); }

}  // namespace noyau::inline v0
