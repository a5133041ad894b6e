#include <nlohmann/json.hpp>
#include <set>

#include "catch2.h"
#include "common/options.h"

using namespace programs;

namespace {

Settings assigned(const char* name, const Json& value) {
  Settings settings;
  assign(settings, option(name, "test"), value, "test");
  return settings;
}

Exit code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const ProgramError& error) {
    return error.code;
  }
  return Exit::done;
}

}  // namespace

TEST_CASE("every option says what it is, in what unit, with which values and to what effect",
          "[fast][options]") {
  for (const Option& o : options()) {
    INFO("option " << o.name);
    CHECK(!o.name.empty());
    CHECK(!o.label.empty());
    CHECK(o.definition.size() > 20);
    CHECK(o.definition.back() == '.');
    CHECK(!o.unit.empty());
    CHECK(!o.typical.empty());
    CHECK(o.times_ten.size() > 5);
    CHECK(!o.tenth.empty());
    const bool is_number = default_of(o).is_number();
    CHECK(is_number == (o.tenth != "-"));
    CHECK((!is_number || o.high > o.low));
    CHECK((o.unit == "name") <= (!o.choices.empty() || o.name == "device"));
  }
}

TEST_CASE("option names are unique and every default is allowed", "[fast][options]") {
  std::set<std::string_view> names;
  for (const Option& o : options()) {
    INFO("option " << o.name);
    CHECK(names.insert(o.name).second);
    Settings settings;
    CHECK_NOTHROW(assign(settings, o, default_of(o), "default"));
  }
}

TEST_CASE("settings survive JSON", "[fast][options]") {
  Settings settings;
  settings.rate = 0.1;
  settings.model = "resnet20";
  settings.nesterov = true;
  settings.epochs = 7;
  Settings copy;
  assign_all(copy, to_json(settings), "test");
  CHECK(to_json(copy) == to_json(settings));
}

TEST_CASE("the identity of a run leaves out what does not shape its result", "[fast][options]") {
  const std::string before = identity(Settings()).dump();
  for (const Option& o : options()) {
    INFO("option " << o.name);
    CHECK(identity(Settings()).contains(std::string(o.name)) == o.shapes_result);
  }
  CHECK(identity(assigned("threads", 7)).dump() == before);
  CHECK(identity(assigned("rate", 0.07)).dump() != before);
}

TEST_CASE("an unknown option is refused with the nearest name", "[fast][options]") {
  CHECK_THROWS_WITH(option("batc", "plan.json"), "plan.json: unknown option 'batc'; did you mean 'batch'?");
  CHECK(code_of([] { option("batc", "plan.json"); }) == Exit::usage);
}

TEST_CASE("values of a wrong type, range or name are refused with what is allowed", "[fast][options]") {
  CHECK_THROWS_WITH(assigned("batch", 0), "test: batch is 0 but must be from 1 to 1e+06");
  CHECK_THROWS_WITH(assigned("batch", "many"), "test: batch is \"many\" but must be a whole number");
  CHECK_THROWS_WITH(assigned("batch", 1.5), "test: batch is 1.5 but must be a whole number");
  CHECK_THROWS_WITH(assigned("rate", 0), ContainsSubstring("rate is 0 but must be above 0"));
  CHECK_THROWS_WITH(assigned("nesterov", 1), "test: nesterov is 1 but must be true or false");
  CHECK_THROWS_WITH(assigned("model", 1), "test: model is 1 but must be a text in quotes");
  CHECK_THROWS_WITH(assigned("optimizer", "adan"), ContainsSubstring("did you mean 'adam'?"));
  Settings settings;
  CHECK_THROWS_WITH(assign_text(settings, option("rate", ""), "fast", "command line"),
                    ContainsSubstring("rate is 'fast' but must be a number"));
}

TEST_CASE("the hash is FNV-1a", "[fast][options]") {
  CHECK(hash8("") == "811c9dc5");
  CHECK(hash8("a") == "e40c292c");
  CHECK(hash8("foobar") == "bf9cf968");
}
