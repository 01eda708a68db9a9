// SPDX-License-Identifier: Apache-2.0
// Verdicts on the whole life of a model from documents made by hand, whose sums are plain arithmetic.
#include "diagnose/life.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "diagnose/explanation.hpp"
#include "record/document.hpp"
#include "stats/latency_histogram.hpp"

namespace millrace::diagnose {
namespace {

using testing::HasSubstr;

class Host {
 public:
  record::Document document;

  explicit Host(int gpus = 0) {
    document.hosts.emplace_back();
    for (int i = 0; i < gpus; ++i) {
      topology::Endpoint gpu;
      gpu.id = "gpu:" + std::to_string(i);
      gpu.kind = "gpu";
      document.topology.endpoints.push_back(gpu);
    }
  }

  record::Measurement& rate(const std::string& probe, double mean, double spread = 0) {
    record::Measurement m;
    m.id = "m" + std::to_string(document.measurements.size() + 1);
    m.probe = probe;
    m.throughput_bytes_per_s = {mean, mean - spread, mean + spread, {}, {}, {}};
    for (const double one : {mean - spread, mean, mean + spread})
      m.repeats.push_back({one, 1, 0, 1000000000, "time limit"});
    document.measurements.push_back(m);
    return document.measurements.back();
  }

  record::Measurement& round_trip(std::uint64_t ns, std::uint64_t count) {
    stats::LatencyHistogram histogram;
    histogram.add(ns, count);
    record::Measurement& m = rate("tcp.latency", 1);
    m.latency_histogram = record::LatencyHistogram{"ns", 7, histogram.sparse()};
    return m;
  }

  record::Measurement& all_reduce(double bus) {
    record::Measurement& m = rate("nccl.all_reduce", bus);
    m.bus_bytes_per_s = record::Estimate{bus, bus, bus, {}, {}, {}};
    m.participants.resize(document.topology.endpoints.size());
    return m;
  }

  [[nodiscard]] record::Diagnosis ask(const std::string& name, int accelerators = 1) const {
    return diagnose(document, {workload::load(name)->front(), accelerators, std::nullopt});
  }
};

TEST(AColdStart, IsInTimeWhenStorageBringsTheWeightsSoonEnough) {
  Host host;
  host.rate("storage.read", 2e9);
  const auto d = host.ask("llama3-8b-cold-start-h100");
  EXPECT_EQ(d.verdict, "fed");
  EXPECT_NEAR(d.latency->p50_s, 16060522496 / 2e9 + 15, 1e-6);  // the copy at 55 GB/s is within it
  EXPECT_TRUE(d.latency->parts[0].measured);
  EXPECT_FALSE(d.latency->parts[1].measured);
  EXPECT_THAT(d.latency->parts[0].evidence, testing::ElementsAre("m1"));
}

TEST(AColdStart, IsOfOneReplicaAndIsSetAgainstWhatIsWanted) {
  const auto d = Host().ask("llama3-70b-cold-start-h100");
  EXPECT_EQ(d.accelerators, 4);
  EXPECT_EQ(d.explanation.back().claim, "against what is wanted");
  EXPECT_THAT(d.explanation.back().arithmetic, HasSubstr(" < 120 s"));
}

TEST(AColdStart, IsTooLateWhenItDoesNotAndSaysWhatIsNeeded) {
  Host host;
  host.rate("storage.read", 0.2e9);  // 80 s
  const auto d = host.ask("llama3-8b-cold-start-h100");
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_EQ(d.latency->mend, "weights from storage");
  EXPECT_THAT(d.sentence, HasSubstr("it takes 357 MB/s where there is 200 MB/s"));  // 16.06e9 ÷ (60 − 15)
  EXPECT_EQ(d.bottlenecks.front().kind, "storage");
}

TEST(AColdStart, TakesTheMeasuredCopyOfTheSlowestGpu) {
  Host host(2);
  host.rate("storage.read", 20e9);
  record::Measurement& copy = host.rate("gpu.copy", 10e9);
  copy.parameters = {{"pattern", "host-to-device"}};
  copy.metrics["host_to_gpu0_bytes_per_s"] = {10, 4e9, 4e9, 4e9, 4e9, 4e9, 4e9};
  copy.metrics["host_to_gpu1_bytes_per_s"] = {10, 8e9, 8e9, 8e9, 8e9, 8e9, 8e9};
  const auto d = host.ask("llama3-8b-cold-start-h100", 2);
  EXPECT_TRUE(d.latency->parts[1].measured);
  EXPECT_NEAR(d.latency->p50_s, 16060522496 / 4e9 + 15,
              1e-6);  // streamed: the copy takes longer than the reading
}

TEST(AColdStart, IsUndecidedWhereTheIntervalHoldsTheLimitAndWhereNothingWasMeasured) {
  Host host;
  host.rate("storage.read", 0.357e9, 0.1e9);
  EXPECT_EQ(host.ask("llama3-8b-cold-start-h100").verdict, "inconclusive");
  const auto d = Host().ask("llama3-8b-cold-start-h100");
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_THAT(d.undecided, HasSubstr("storage.read"));
  EXPECT_NEAR(d.latency->p50_s, 16.060522496 + 15, 1e-6);  // by the profile's 1 GB/s, and said so
  EXPECT_THAT(d.notes, testing::Contains(HasSubstr("storage was not measured: 1 GB/s stand in")));
}

TEST(ARestore, IsShortWhereEveryGpuGetsItsPart) {
  Host host(8);
  host.rate("storage.read", 4e9);
  const auto d = host.ask("llama3-8b-restore-h100", 16);  // 112.4 GB ÷ 16 into each of this host's 8
  EXPECT_NEAR(d.latency->p50_s, 8030261248.0 * 14 / 16 * 8 / 4e9, 1e-6);
  EXPECT_EQ(d.verdict, "fed");
}

TEST(ARestore, IsOfNoUseWhereTheGpusDoNotHoldTheState) {
  Host host;
  host.rate("storage.read", 4e9);
  const auto d = host.ask("llama3-8b-restore-h100", 1);  // 112 GB into 80
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_THAT(d.sentence,
              HasSubstr("llama3-8b-restore on 1 × H100 does not fit: 112 GB of state for each of 1 GPU"));
  EXPECT_EQ(host.ask("llama3-8b-restore-h100", 2).verdict, "fed");
}

TEST(ACheckpoint, CostsByYoungsRule) {
  Host host(8);
  host.rate("storage.write", 4e9);
  const auto d = host.ask("llama3-8b-checkpoint-h100", 8);
  const double write = 8030261248.0 * 14 / 4e9, mtbf = 1.824e8 / 8;
  const double interval = std::sqrt(2 * write * mtbf), snapshot = 8030261248.0 * 14 / 8 / 55e9;
  const double restore = 8030261248.0 * 14 / 8 / 156e6;
  const double lost = snapshot / (interval + snapshot) + interval / 2 / mtbf + (300 + restore) / mtbf;
  EXPECT_NEAR(d.lost_checkpoint, lost, 1e-9);
  EXPECT_EQ(d.verdict, "fed");
}

TEST(ACheckpoint, IsTooDearOnSlowStorageAndSaysWhatIsNeeded) {
  Host host(8);
  host.rate("storage.write", 1e6);
  const auto d = host.ask("llama3-8b-checkpoint-h100", 4096);
  EXPECT_EQ(d.verdict, "starved");
  ASSERT_EQ(d.relief.size(), 1u);
  // With what it asks for, it keeps just what is wanted.
  Host better(8);
  better.rate("storage.write", 1e6 * d.relief.front().factor);
  EXPECT_NEAR(better.ask("llama3-8b-checkpoint-h100", 4096).utilization, 0.95, 1e-3);
}

TEST(ACheckpoint, ThatDoesNotFitOrWasNotMeasuredIsUndecided) {
  EXPECT_THAT(Host().ask("llama3-405b-checkpoint-h100", 8).sentence, HasSubstr("does not fit"));
  const auto d = Host().ask("llama3-8b-checkpoint-h100", 8);
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_THAT(d.undecided, HasSubstr("storage.write"));
}

TEST(AnAnswer, FromTheEdgeIsInTimeAndFromADistantCloudIsNot) {
  const Host host;
  const auto edge = host.ask("vision-edge-l4"), cloud = host.ask("vision-cloud-l4");
  EXPECT_EQ(edge.verdict, "fed");
  EXPECT_LT(edge.latency->bound_p99_s, 0.020);
  EXPECT_EQ(cloud.verdict, "starved");
  EXPECT_GT(cloud.latency->p99_s, 0.140);
  EXPECT_EQ(cloud.latency->mend, "network round trip");
  for (const auto& d : {edge, cloud})
    EXPECT_THAT(d.notes, testing::Contains(HasSubstr("no round trip was measured")));
}

TEST(AnAnswer, TakesTheMeasuredRoundTripAndTwiceAHalfOne) {
  Host host;
  host.round_trip(5'000'000, 5000);
  auto d = host.ask("vision-edge-l4");
  EXPECT_TRUE(d.latency->parts[0].measured);
  EXPECT_NEAR(d.latency->parts[0].p99_s, 0.005, 2e-5);
  host.document.measurements[0].flags = {"half-round-trip"};
  d = host.ask("vision-edge-l4");
  EXPECT_NEAR(d.latency->parts[0].p50_s, 0.010, 4e-5);
}

TEST(AnAnswer, TakesRdmaForARoundTripInItsLatencyModeAlone) {
  Host host;
  host.round_trip(2'000'000, 5000).probe = "rdma.write";
  EXPECT_FALSE(host.ask("vision-edge-l4").latency->parts[0].measured);
  host.document.measurements[0].flags = {"half-round-trip"};
  EXPECT_NEAR(host.ask("vision-edge-l4").latency->parts[0].p50_s, 0.004, 2e-5);
}

TEST(AnAnswer, TakesNoLoopbackForANetworkAndNoHallForADistantCloud) {
  Host host;
  host.round_trip(50'000, 5000);
  EXPECT_TRUE(host.ask("vision-edge-l4").latency->parts[0].measured);
  const auto cloud = host.ask("vision-cloud-l4");
  EXPECT_FALSE(cloud.latency->parts[0].measured);
  EXPECT_THAT(cloud.notes, testing::Contains(HasSubstr("not the distance")));
  host.document.measurements[0].label = "network";  // then it is said to be
  EXPECT_TRUE(host.ask("vision-cloud-l4").latency->parts[0].measured);
  host.document.measurements[0].label = "storage";
  EXPECT_FALSE(host.ask("vision-edge-l4").latency->parts[0].measured);
  host.document.measurements[0].label = "";
  host.document.measurements[0].flags = {"loopback"};
  EXPECT_FALSE(host.ask("vision-edge-l4").latency->parts[0].measured);
}

TEST(AnAnswer, IsUndecidedWhereTooFewRoundTripsWereCounted) {
  Host host;
  host.round_trip(300'000, 500);
  const auto d = host.ask("vision-edge-l4");
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_TRUE(std::isnan(d.latency->p99_s));
  EXPECT_THAT(d.undecided, HasSubstr("m1 (500 operations"));
}

TEST(AnAnswer, FetchesCachedKeysAndValuesAtTheMeasuredRateAndSaysWhenComputingAgainIsFaster) {
  Host host;
  host.rate("storage.read", 2e9);
  const auto d = host.ask("llama3-8b-serve-h100");
  EXPECT_NEAR(d.latency->parts[3].p50_s, 6144.0 * 131072 / 2e9, 1e-9);
  EXPECT_THAT(d.notes,
              testing::Contains(HasSubstr("computing again is faster (fetching from 4.04 GB/s on)")));
  Host fast;
  fast.rate("storage.read", 20e9);
  EXPECT_THAT(fast.ask("llama3-8b-serve-h100").notes, testing::Contains(HasSubstr("fetching is faster")));
}

TEST(AnAnswer, IsTooLateForEverWhereAReplicaGetsMoreThanItServes) {
  workload::Profile profile = workload::load("vision-edge-l4")->front();
  profile.serving.requests_per_s = 300;  // of 4 ms each
  const auto d = diagnose(Host().document, {profile, 1, std::nullopt});
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_THAT(d.sentence, HasSubstr("more replicas"));
  EXPECT_EQ(d.latency->mend, "queue");
}

TEST(AnAnswer, WaitsForTheLongestOfItsRanks) {
  workload::Profile profile = workload::load("llama3-8b-serve-h100")->front();
  Host host;
  host.rate("storage.read", 2e9, 0.3e9);
  const double one = diagnose(host.document, {profile, 1, std::nullopt}).latency->p50_s;
  profile.serving.fan_out = 16;
  EXPECT_GT(diagnose(host.document, {profile, 1, std::nullopt}).latency->p50_s, one);
}

TEST(AReplica, ThatDoesNotHoldItsWeightsIsRefused) {
  workload::Profile serve = workload::load("llama3-70b-serve-h100")->front();
  serve.serving.replica_ranks = 1;  // 141 GB in 80 GB
  const auto d = diagnose(Host().document, {serve, 1, std::nullopt});
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_THAT(d.sentence, HasSubstr("does not fit: 141 GB of weights in 1 GPU"));
  EXPECT_THAT(d.undecided, HasSubstr("2 at least"));
  workload::Profile start = workload::load("llama3-70b-cold-start-h100")->front();
  start.loading.replica_ranks = 1;
  EXPECT_THAT(diagnose(Host().document, {start, 1, std::nullopt}).sentence, HasSubstr("does not fit"));
}

TEST(AReplica, OfEveryBuiltInHoldsItsWeights) {
  for (const workload::Profile& profile : workload::built_in()) {
    if (profile.kind != workload::Kind::kServe && profile.kind != workload::Kind::kColdStart) continue;
    const auto d = diagnose(Host().document, {profile, 1, std::nullopt});
    EXPECT_THAT(d.sentence, testing::Not(HasSubstr("does not fit"))) << profile.name;
  }
}

TEST(Training, OnOneHostWaitsForWhatItsLinksTake) {
  Host host(8);
  host.all_reduce(400e9);
  host.rate("storage.write", 8e9);
  const auto d = host.ask("llama3-8b-finetune-h100", 8);
  // 8 · 8.03e9 · 524,288 ÷ (8 · 989.5e12 · 0.5) of compute; gradients and weights 6 B · 8.03e9 · 7/8 ÷ 400e9
  // beside it; a checkpoint of 112 GB every 50 steps ÷ 8 GB/s is waited for.
  const double n = 8030261248.0, compute = 8 * n * 524288 / (8 * 989.5e12 * 0.5);
  EXPECT_NEAR(d.step_compute_s, compute, 1e-9);
  EXPECT_NEAR(d.step_predicted_s, compute + n * 14 / 50 / 8e9, 1e-9);
  EXPECT_NEAR(d.lost_checkpoint, (n * 14 / 50 / 8e9) / d.step_predicted_s, 1e-9);
  EXPECT_EQ(d.verdict, "fed");
  Host slow(8);
  slow.all_reduce(1e9);
  slow.rate("storage.write", 8e9);
  const auto held = slow.ask("llama3-8b-finetune-h100", 8);
  EXPECT_EQ(held.verdict, "starved");
  EXPECT_NEAR(held.step_predicted_s, n * 6 * 7 / 8 / 1e9 + n * 14 / 50 / 8e9, 1e-6);
  EXPECT_EQ(held.bottlenecks.front().kind, "gpu");
}

TEST(Training, BeyondTheHostOrTooLargeForItIsUndecidedWithTheWayOn) {
  Host host(8);
  EXPECT_THAT(host.ask("llama3-70b-pretrain-h100", 8).undecided, HasSubstr("--accelerators 16"));
  EXPECT_THAT(host.ask("llama3-70b-pretrain-h100", 64).undecided, HasSubstr("--hosts 8 --gpus 8"));
  EXPECT_THAT(host.ask("llama3-8b-pretrain-h100", 8).undecided, HasSubstr("nccl.all_reduce"));
  for (const int ranks : {8, 64})
    EXPECT_EQ(host.ask("llama3-70b-pretrain-h100", ranks).verdict, "inconclusive");
}

TEST(AMix, IsSlowedWhereItsJobsAskMoreOfStorageThanThereIs) {
  Host host(16);
  host.rate("storage.read", 0.5e9);
  workload::Profile mix = workload::load("factory-edge-l4")->front();
  mix.mix.parts = {{"vision-edge", 0.5}, {"llama3-8b-serve-h100", 0.5}};
  const auto d = diagnose(host.document, {mix, 4, std::nullopt});
  // Two replicas, one request a second each, of 805 MB.
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_THAT(d.sentence, HasSubstr("llama3-8b-serve-h100 to 31 %"));  // 0.5 ÷ 1.611
  EXPECT_NEAR(d.bottlenecks.front().needed_bytes_per_s, 2 * 6144.0 * 131072, 1);
}

TEST(AMix, OfJobsThatAskNothingOfStorageIsAsItsJobsAre) {
  EXPECT_EQ(Host(16).ask("factory-edge-l4", 16).verdict, "fed");
  const auto small = Host(8).ask("factory-corporate-h100", 8);
  EXPECT_EQ(small.verdict, "inconclusive");
  EXPECT_THAT(small.undecided, HasSubstr("--accelerators 160"));
}

TEST(EveryBuiltIn, HasAVerdictOrSaysWhatIsMissingAndSurvivesAsADocument) {
  for (const int gpus : {0, 1, 8}) {
    Host empty(gpus), full(gpus);
    full.rate("storage.read", 5e9, 0.1e9);
    full.rate("storage.write", 3e9, 0.1e9);
    full.round_trip(2'000'000, 2000);
    full.all_reduce(300e9);
    for (const Host* host : {&empty, &full})
      for (const workload::Profile& profile : workload::built_in()) {
        if (profile.kind == workload::Kind::kTrainingInput) continue;
        const auto d = diagnose(host->document, {profile, std::max(1, gpus), std::nullopt});
        EXPECT_FALSE(d.sentence.empty()) << profile.name;
        EXPECT_EQ(d.verdict == "inconclusive", !d.undecided.empty()) << profile.name << ": " << d.sentence;
        EXPECT_EQ(d.sentence.find("nan"), std::string::npos) << d.sentence;
        EXPECT_EQ(d.sentence.find("inf "), std::string::npos) << d.sentence;
        EXPECT_FALSE(d.explanation.empty()) << profile.name;
        for (const record::ExplanationStep& step : d.explanation) {
          if (step.arithmetic.empty()) continue;
          const auto checked = check(step.arithmetic);
          ASSERT_TRUE(checked) << step.arithmetic;
          EXPECT_TRUE(checked->holds()) << profile.name << ": " << step.arithmetic;
        }
        record::Document document = host->document;
        document.diagnoses = {d};
        const auto read = record::parse_document(record::to_json(document), "d.json");
        ASSERT_TRUE(read) << read.error().what;
        EXPECT_EQ(read->diagnoses.front().sentence, d.sentence);
      }
  }
}

}  // namespace
}  // namespace millrace::diagnose
