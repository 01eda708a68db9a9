// SPDX-License-Identifier: Apache-2.0
// The schema and the reader are two statements of the same thing: here they are held against each other.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "sample.hpp"

namespace millrace::record {
namespace {

using Json = nlohmann::json;

class Schema : public testing::Test {
 protected:
  Schema() : schema_(Json::parse(content_of(MILLRACE_SOURCE "/reports/schema/result.schema.json"))) {
    Document document = full_document();
    document.complete = true;
    document_ = Json::parse(to_json(document));
  }

  // Calls visit(the schema of an object, a pointer to that object in the document) for every object that has
  // one.
  template <typename Visit>
  void walk(const Json& schema, const Json::json_pointer& at, const Visit& visit) {
    if (schema.contains("$ref")) {
      return walk(schema_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), at, visit);
    }
    for (const Json& choice : schema.value("anyOf", Json::array())) {
      if (choice.value("type", "") != "null") walk(choice, at, visit);
    }
    const Json& value = document_.at(at);
    if (schema.contains("properties") && value.is_object()) {
      visit(schema, at);
      for (const auto& [key, property] : schema["properties"].items()) {
        if (value.contains(key)) walk(property, at / key, visit);
      }
    }
    if (schema.contains("items") && schema["items"].is_object() && value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) walk(schema["items"], at / i, visit);
    }
    if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object() &&
        value.is_object()) {
      for (const auto& [key, unused] : value.items()) walk(schema["additionalProperties"], at / key, visit);
    }
  }

  Json schema_, document_;
};

TEST_F(Schema, NamesEveryKeyThatTheWriterWritesAndNoOther) {
  int objects = 0;
  walk(schema_, Json::json_pointer(), [&](const Json& schema, const Json::json_pointer& at) {
    std::set<std::string> written, named;
    for (const auto& [key, unused] : document_.at(at).items()) written.insert(key);
    for (const auto& [key, property] : schema["properties"].items()) {
      named.insert(key);
      EXPECT_TRUE(property.contains("description") || property.contains("$ref")) << at << "/" << key;
    }
    // These two belong to collectives alone: m1 has them and m2 has not.
    for (const char* rare : {"algorithm_bytes_per_s", "bus_bytes_per_s"}) {
      if (!written.contains(rare)) named.erase(rare);
    }
    EXPECT_EQ(written, named) << at;
    ++objects;
  });
  EXPECT_GT(objects, 40);  // the walk did reach the parts
}

TEST_F(Schema, RequiresExactlyTheKeysWithoutWhichTheReaderRefuses) {
  const Json whole = document_;
  int removed = 0;
  walk(schema_, Json::json_pointer(), [&](const Json& schema, const Json::json_pointer& at) {
    const Json required = schema.value("required", Json::array());
    for (const auto& [key, unused] : whole.at(at).items()) {
      Json less = whole;
      less.at(at).erase(key);
      const bool is_required = std::find(required.begin(), required.end(), key) != required.end();
      EXPECT_EQ(!parse_document(less.dump(), "less").has_value(), is_required) << at << "/" << key;
      ++removed;
    }
  });
  EXPECT_GT(removed, 250);
}

bool allows(const Json& root, const Json& schema, const std::string& type) {
  if (schema.contains("$ref")) {
    return allows(root, root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), type);
  }
  for (const Json& choice : schema.value("anyOf", Json::array())) {
    if (allows(root, choice, type)) return true;
  }
  if (!schema.contains("type")) return false;
  const Json& types = schema["type"];
  return types.is_array() ? std::find(types.begin(), types.end(), type) != types.end() : types == type;
}

TEST_F(Schema, AllowsNullBooleansAndListsExactlyWhereTheReaderDoes) {
  const Json whole = document_;
  const std::vector<std::pair<std::string, Json>> others = {
      {"null", nullptr}, {"boolean", true}, {"array", Json::array({Json::object()})}};
  walk(schema_, Json::json_pointer(), [&](const Json& schema, const Json::json_pointer& at) {
    for (const auto& [key, property] : schema["properties"].items()) {
      if (!whole.at(at).contains(key)) continue;
      for (const auto& [type, value] : others) {
        Json other = whole;
        other.at(at)[key] = value;
        const bool read = parse_document(other.dump(), "other").has_value();
        // A list of empty objects is wrong everywhere, for want of keys or for its type.
        const bool allowed = type != "array" && allows(schema_, property, type);
        EXPECT_EQ(read, allowed) << at << "/" << key << " as " << type;
      }
    }
  });
}

}  // namespace
}  // namespace millrace::record
