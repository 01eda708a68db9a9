// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/answer.hpp"

#include <nlohmann/json.hpp>

#include "topology/gpu_fields.hpp"

namespace millrace::topology::nvml {
namespace {

using Json = nlohmann::ordered_json;

struct Writer {
  Json& out;

  template <typename T>
  void required(const char* key, const T& value) {
    if constexpr (requires(Writer & writer) { fields(writer, value); }) {
      Writer inner{out[key] = Json::object()};
      fields(inner, value);
    } else {
      out[key] = value;
    }
  }
  template <typename T>
  void required(const char* key, const std::vector<T>& values) {
    Json& array = out[key] = Json::array();
    for (const T& value : values) {
      if constexpr (requires(Writer & writer) { fields(writer, value); }) {
        Writer inner{array.emplace_back(Json::object())};
        fields(inner, value);
      } else {
        array.push_back(value);
      }
    }
  }
  template <typename T>
  void when_known(const char* key, const std::optional<T>& value) {
    if (value) required(key, *value);
  }
};

// Throws what nlohmann's json throws where a key is missing or of another type.
struct Reader {
  const Json& in;

  template <typename T>
  void required(const char* key, T& value) {
    in.at(key).get_to(value);
  }
  template <typename T>
  void required(const char* key, std::vector<T>& values) {
    for (const Json& item : in.at(key)) {
      if constexpr (requires(Reader & reader, T & value) { fields(reader, value); }) {
        Reader inner{item};
        fields(inner, values.emplace_back());
      } else {
        values.push_back(item.get<T>());
      }
    }
  }
  template <typename T>
  void when_known(const char* key, std::optional<T>& value) {
    if (in.contains(key)) required(key, value.emplace());
  }
};

template <typename V, IsGpuPart<Answer> T>
void fields(V& v, T& answer) {
  v.required("present", answer.present);
  v.required("problem", answer.problem);
  v.required("driver", answer.driver);
  v.required("gpus", answer.gpus);
}

}  // namespace

std::string to_text(const Answer& answer) {
  Json out = Json::object();
  Writer writer{out};
  fields(writer, answer);
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Answer> from_text(std::string_view text) {
  try {
    const Json in = Json::parse(text);
    Answer answer;
    Reader reader{in};
    fields(reader, answer);
    return answer;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace millrace::topology::nvml
