#include <nlohmann/json.hpp>

#include "catch2.h"
#include "noyau/noyau.h"

namespace ny = noyau;
using nlohmann::json;

namespace {

const ny::ProfileRow& row_of(const std::vector<ny::ProfileRow>& rows, const std::string& name,
                             ny::ProfilePhase phase) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const ny::ProfileRow& row) {
    return row.name == name && row.phase == phase;
  });
  INFO(name);
  REQUIRE(found != rows.end());
  return *found;
}

struct Step {
  ny::Sequential net{ny::Conv2d(3, 4, 3, {.bias = false}), ny::Flatten(), ny::Dense(4 * 5 * 7, 10)};
  ny::Sgd sgd{net.parameters(), {.rate = 0.1}};
  ny::Tensor images = ny::normal({2, 5, 7, 3}, 0, 1);
  ny::Tensor labels = ny::from_vector(std::vector<std::int32_t>{1, 2}, {2});

  void operator()() { sgd.minimize(ny::cross_entropy(net(images), labels)); }
};

}  // namespace

TEST_CASE("a profile tells ops, phases and work apart", "[profile][fast]") {
  Step step;
  step();  // not collected
  ny::Profile profile;
  for (int i = 0; i < 3; ++i) step();
  profile.stop();
  step();  // not collected either
  const auto rows = profile.rows();
  const ny::ProfileRow& forward = row_of(rows, "conv2d", ny::ProfilePhase::forward);
  CHECK(forward.calls == 3);
  CHECK(forward.flops == 3 * 2.0 * (2 * 5 * 7 * 4) * (3 * 3 * 3));
  CHECK(forward.bytes == 3 * 4.0 * (2 * 5 * 7 * 3 + 3 * 3 * 3 * 4 + 2 * 5 * 7 * 4));
  CHECK(forward.operands.empty());
  CHECK(row_of(rows, "conv2d_dkernel", ny::ProfilePhase::backward).flops == forward.flops);
  CHECK(row_of(rows, "sgd", ny::ProfilePhase::update).calls >= 3);
  double total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    total += rows[i].seconds;
    CHECK((i == 0 || rows[i].seconds <= rows[i - 1].seconds));
  }
  CHECK(total <= profile.seconds());
}

TEST_CASE("a profile tells operands apart when asked", "[profile][fast]") {
  const ny::Tensor wide = ny::normal({4, 8}, 0, 1), square = ny::normal({8, 8}, 0, 1);
  ny::Profile profile;
  ny::matmul(wide, square);
  ny::matmul(square, square);
  ny::matmul(square, square);
  CHECK(row_of(profile.rows(), "matmul", ny::ProfilePhase::forward).calls == 3);
  std::vector<std::string> operands;
  for (const ny::ProfileRow& row : profile.rows(ny::ProfileBy::operands)) operands.push_back(row.operands);
  std::sort(operands.begin(), operands.end());
  CHECK(operands == std::vector<std::string>{"[4, 8] [4, 8] [8, 8]", "[8, 8] [8, 8] [8, 8]"});
}

TEST_CASE("a profile prints a table and a Chrome trace", "[profile][fast]") {
  Step step;
  ny::Profile profile;
  step();
  const std::string table = profile.table();
  for (const char* word :
       {"GFLOP/s", "GB/s", "conv2d_dkernel", "backward", "update", "outside kernels", "total"})
    CHECK_THAT(table, ContainsSubstring(word));
  CHECK_THAT(profile.table(ny::ProfileBy::operands),
             ContainsSubstring("[2, 5, 7, 3] [2, 5, 7, 4] [3, 3, 3, 4]"));

  const json trace = json::parse(profile.chrome_trace());
  REQUIRE(trace["traceEvents"].size() > 5);
  double end = 0;
  for (const json& event : trace["traceEvents"]) {
    CHECK(event["ph"] == "X");
    CHECK(event["ts"] >= end);  // calls follow one another
    end = event["ts"].get<double>() + event["dur"].get<double>() - 1;
    if (event["name"] == "conv2d") CHECK(event["args"].contains("GFLOP/s"));
  }
}

TEST_CASE("one profile at a time", "[profile][fast]") {
  ny::Profile first;
  REQUIRE_THROWS_WITH(ny::Profile(), ContainsSubstring("another Profile collects already; stop() it first"));
  first.stop();
  ny::Profile second;
  ny::relu(ny::zeros({3}));
  CHECK(first.rows().empty());
  CHECK(second.rows().size() >= 1);
}
