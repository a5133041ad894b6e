#include <filesystem>

#include "catch2.h"
#include "noyau/noyau.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"

TEST_CASE("the quickstart learns and saves a network that can be opened", "[programs]") {
  const Scratch scratch;
  write_tiny_data(scratch / "data");
  const ProcessResult result = run_program("quickstart", {"data"}, {.directory = scratch.path()});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring("epoch 2: test loss "));
  const noyau::SavedModel saved = noyau::load_model(scratch / "net.safetensors");
  CHECK(saved.info.classes.size() == 10);
  CHECK(saved.net.size() == 9);
}
