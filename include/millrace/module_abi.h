/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between Millrace's core and its modules: C types only, versioned by symbol.
 *
 * A module is a shared object on the module path that exports one or both of
 *     const millrace_probe_module*  millrace_probe_module_v1(void);
 *     const millrace_memory_module* millrace_memory_module_v1(void);
 * Every struct starts with struct_size = sizeof(it) as its maker saw it and grows only at its end; a reader
 * uses no member past the struct_size that it was given (MILLRACE_HAS). Arrays of structs are consecutive;
 * their stride is the first element's struct_size. Strings are NUL-terminated UTF-8 and live as long as the
 * call, unless said otherwise; those of module, probe and parameter structs live for ever (modules are never
 * unloaded).
 *
 * Life of a probe. The core calls detect and describe in a guarded child process, then starts one worker
 * process per worker that describe asked for, pinned before it allocates; in each: open, a start barrier over
 * all workers, run, close. A worker that hangs, crashes or fails costs this one measurement.
 *
 * Threads. open, run and close are called on one thread. run may start threads of its own; those may call
 * log, now_ns, cancelled, recorder, sample, counter and step_barrier (one of them at a time). Everything
 * else: the calling thread. */
#ifndef MILLRACE_MODULE_ABI_H
#define MILLRACE_MODULE_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "millrace/latency_buckets.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MILLRACE_PROBE_MODULE_SYMBOL "millrace_probe_module_v1"
#define MILLRACE_MEMORY_MODULE_SYMBOL "millrace_memory_module_v1"
#define MILLRACE_EXPORT __attribute__((visibility("default")))
#define MILLRACE_HAS(pointer, member) \
  ((pointer)->struct_size >= offsetof(__typeof__(*(pointer)), member) + sizeof((pointer)->member))

/* What a call came to. */
enum {
  MILLRACE_OK = 0,
  MILLRACE_FAILED = 1, /* fail() was called and says why */
  MILLRACE_UNAVAILABLE =
      2,                  /* this machine lacks what it takes; fail() says what: the measurement is skipped */
  MILLRACE_CANCELLED = 3, /* the run was stopped from outside; no failure */
};

enum { MILLRACE_LOG_DEBUG = 0, MILLRACE_LOG_INFO = 1, MILLRACE_LOG_WARNING = 2 };

/* How a parameter's text on the command line is read, and what host->parameter() hands the module. */
enum {
  MILLRACE_BYTES = 0,    /* "4KiB"     -> "4096" */
  MILLRACE_COUNT = 1,    /* "10k"      -> "10000" */
  MILLRACE_DURATION = 2, /* "1.5ms"    -> "1500000": nanoseconds */
  MILLRACE_RATE = 3,     /* "40MB/s"   -> "40000000": bytes per second */
  MILLRACE_REAL = 4,     /* "0.5"      -> "0.5" */
  MILLRACE_FLAG = 5,     /* "on", "off", "true", "false", "1", "0" -> "1" or "0" */
  MILLRACE_CHOICE = 6,   /* one of choices, "a|b|c" */
  MILLRACE_PATH = 7,     /* a file or folder; several are joined by ':' when `repeatable` */
  MILLRACE_TEXT = 8,     /* anything */
  MILLRACE_ADDRESS = 9,  /* one numeric IP address, no wildcard; of another host's choice only where it was
                            allowed here, see `millrace peer` */
};

typedef struct millrace_parameter {
  uint32_t struct_size;
  int32_t kind;
  const char* name;          /* "block-size": what follows -- on the command line */
  const char* default_value; /* as a person would type it; "" = not set; NULL = must be given */
  const char* choices;       /* MILLRACE_CHOICE: "sequential|random"; else NULL */
  const char* help;          /* one line */
  double minimum, maximum;   /* in canonical units; both 0: no bounds */
  int32_t repeatable;        /* may be given several times */
} millrace_parameter;

/* A place where bytes start or end, as discovery found it. */
typedef struct millrace_endpoint {
  uint32_t struct_size;
  int32_t numa_node; /* -1: unknown */
  const char* id;    /* "storage:nvme0n1", "memory:0", "gpu:0" */
  const char* kind;  /* "storage" | "file_system" | "memory" | "gpu" | "nic" | "rdma" */
  const char* name;
  const char* device; /* "/dev/nvme0n1", a mount point, or "" */
  const char* pci;    /* "0000:41:00.0" or "" */
} millrace_endpoint;

#define MILLRACE_SEVERAL " + "

/* One worker process that describe asks for. */
typedef struct millrace_worker {
  uint32_t struct_size;
  const char* role; /* "reader", "rank"; for people */
  const char* from; /* endpoint ids between which its bytes go; several: with MILLRACE_SEVERAL between them */
  const char* to;
  int32_t host;          /* 0: this one */
  int32_t numa_node;     /* to run on; -1: the node of `to`, else of `from`, else anywhere */
  uint32_t threads;      /* that it will start: 1 pins it to one core of its own where there are enough */
  uint64_t memory_bytes; /* that it will allocate; checked against what is free */
  uint64_t locked_bytes; /* of those, memory that the kernel counts against RLIMIT_MEMLOCK */
} millrace_worker;

/* Counts of one thread. The members up to publish are the hot path (see recorder.hpp); the core owns the
 * rest. */
typedef struct millrace_recorder {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t bytes, operations; /* totals since run began */
  int64_t slice_end_ns;       /* from this time on, publish must be called */
  uint64_t* latency_counts;   /* MILLRACE_LATENCY_BUCKETS counters; publish may move it */
  uint64_t latency_min_ns, latency_max_ns;
  void (*publish)(struct millrace_recorder* recorder, int64_t now_ns);
} millrace_recorder;

/* A stage of a pipeline, said once at the end of run. Times are summed over its threads. */
typedef struct millrace_stage {
  uint32_t struct_size;
  uint32_t threads;
  const char* name;     /* "read", "prep", "copy", "compute" */
  const char* resource; /* what it occupies: "cpu:prep", or "" */
  double wall_s;        /* how long the stage ran, of one thread */
  double busy_s, blocked_on_input_s, blocked_on_output_s, cpu_s;
  uint64_t bytes;
  double output_queue_fill; /* mean share of the slots in use; negative: no output queue */
} millrace_stage;

typedef struct millrace_memory millrace_memory;

/* The core's services to a module. `context` goes back as the first argument of each. */
typedef struct millrace_host {
  uint32_t struct_size;
  int32_t rank, ranks; /* of this worker; 0 of 1 outside a worker */
  void* context;

  /* --- always --- */
  void (*log)(void* context, int32_t level, const char* text);
  /* Says why the call is about to return MILLRACE_FAILED or MILLRACE_UNAVAILABLE: what failed (with errno's
   * text, file, offset, device), and what the user can do. The first call counts. */
  void (*fail)(void* context, const char* what, const char* hint);
  /* The canonical text of a parameter, or NULL when the probe declares none of that name. Lives as long as
   * the module's call of open or describe; in a worker, until close returns. */
  const char* (*parameter)(void* context, const char* name);
  int64_t (*now_ns)(void* context); /* CLOCK_MONOTONIC */

  /* --- describe only --- */
  const millrace_endpoint* (*endpoint)(void* context, uint32_t index); /* NULL past the last */
  const millrace_endpoint* (*locate)(void* context,
                                     const char* path); /* where it lies; NULL: fail() was called */
  int32_t (*add_worker)(void* context, const millrace_worker* worker);

  /* --- in a worker --- */
  const millrace_worker* (*worker)(void* context);
  /* A file or folder that the module is about to create. The core journals it, and removes it when the
   * measurement ends in any way, signals included. Call before creating; only what was said here may be
   * written. */
  int32_t (*temporary)(void* context, const char* path);
  /* All-gather of small byte strings among the workers: `size` (≤ 64 KiB) bytes in; rank r's lie at all + r *
   * stride, sizes[r] of them (≤ stride, else MILLRACE_FAILED). Every worker must call it. */
  int32_t (*exchange)(void* context, const void* bytes, size_t size, void* all, size_t stride, size_t* sizes,
                      int64_t timeout_ns);
  /* A memory by name: "host", "gpu:0". NULL: fail() was called. Valid until close returns. */
  const millrace_memory* (*memory)(void* context, const char* name);

  /* --- in run --- */
  /* 0: go on. 1: stop soon, the time is over or the mean is known. 2: stop now, the measurement has failed or
   * was interrupted, perhaps elsewhere: the other workers are not to be waited for. A few ns. */
  int32_t (*cancelled)(void* context);
  /* For loops in which ranks need each other: up to which iteration (exclusive) all ranks may run. Equal to
   * `iteration`: stop here; every rank gets the same answer. */
  uint64_t (*continue_until)(void* context, uint64_t iteration);
  int32_t (*step_barrier)(void* context,
                          int64_t timeout_ns);   /* OK, CANCELLED, or FAILED: somebody never came */
  millrace_recorder* (*recorder)(void* context); /* a new one for the calling thread; NULL: too many (256) */

  /* --- results, in run or close --- */
  void (*sample)(void* context, const char* name_with_unit,
                 double value);                                   /* "step_s": summarised over all samples */
  void (*counter)(void* context, const char* name, double value); /* summed over the workers */
  void (*stage)(void* context, const millrace_stage* stage);
  void (*verified)(void* context, int32_t ok);   /* data were checked: all calls must say 1 */
  void (*flag)(void* context, const char* flag); /* "cache-not-bypassed" */

  /* --- several hosts, always --- */
  /* A measurement over several hosts calls describe once on each; each adds the workers of its own, and ranks
   * count through host 0's workers, then host 1's, and so on. */
  int32_t host_index, hosts; /* which host this is (0 asked for the measurement), of how many; 0 of 1 */
  /* The numeric IP address by which the hosts reached each other: a probe's own traffic uses no other unless
   * a parameter says so. "" when there is one host, and for a third host that this one did not agree to deal
   * with (see may_use_address). Lives as long as parameter's answers. */
  const char* (*host_address)(void* context, int32_t host);

  /* --- results, in run or close --- */
  /* What a parameter came to that was not given, or given as "auto": its text, as parameter() has it. The
   * result document has it in the parameter's place; where workers differ, all that they say. */
  void (*resolved)(void* context, const char* parameter, const char* text);
  /* --- results, in open, run or close --- */
  /* Where the bytes ended that this worker moved by a library of its own, no memory of the host's: "gpu", or
   * "stand-in" where something took its place. The last word counts, a stand-in's over all. */
  void (*device)(void* context, const char* kind);

  /* --- several hosts, always --- */
  /* Whether the probe's own traffic may go from or to this numeric IP address. On a host that was asked to
   * take part: only if it is one by which the session came, or one that its operator allowed. A probe asks
   * about every address that it learns from another host's parameters or in an exchange. Elsewhere: any. */
  int32_t (*may_use_address)(void* context, const char* address);
  /* TCP ports at which the probe may listen here, both included; 0 and 0: any. */
  uint16_t first_port, last_port;
} millrace_host;

typedef struct millrace_probe {
  uint32_t struct_size;
  uint32_t parameter_count;
  const char* name;    /* "storage.read" */
  const char* summary; /* one line */
  const millrace_parameter* parameters;
  int32_t (*describe)(const millrace_host* host); /* calls add_worker at least once */
  int32_t (*open)(const millrace_host* host, void** self);
  int32_t (*run)(const millrace_host* host, void* self); /* ends by itself ("completed") or when cancelled */
  int32_t (*close)(const millrace_host* host, void* self); /* called whenever open returned OK */
} millrace_probe;

typedef struct millrace_probe_module {
  uint32_t struct_size;
  uint32_t probe_count;
  const char* name;    /* "storage" */
  const char* version; /* of the module, and of its vendor library where it has one */
  int32_t (*detect)(
      const millrace_host* host);      /* cheap, no side effects; OK or UNAVAILABLE with fail(reason) */
  const millrace_probe* const* probes; /* probe_count pointers */
} millrace_probe_module;

/* --- memories --- */
typedef struct millrace_memory_device {
  uint32_t struct_size;
  int32_t numa_node; /* -1: unknown */
  uint64_t bytes;
  char name[96];
  char pci[16]; /* "" : none */
} millrace_memory_device;

enum {
  MILLRACE_MEMORY_DEVICE = 0,
  MILLRACE_MEMORY_STAGING = 1 /* host memory that copies to the device run best from */
};

/* Which way the bytes of read_direct went, as counters before and after prove it. */
enum {
  MILLRACE_PATH_UNPROVEN = 0,
  MILLRACE_PATH_DIRECT = 1,        /* every read went from the drive into the device, past host memory */
  MILLRACE_PATH_COMPATIBILITY = 2, /* at least one went through host memory */
};

/* An opened device of a memory module. Calls return MILLRACE_OK or MILLRACE_FAILED after host->fail(). */
struct millrace_memory {
  uint32_t struct_size;
  int32_t stand_in; /* non-zero: it takes a GPU's place; every output says so */
  void* self;
  int32_t (*allocate)(void* self, int32_t place, size_t size, void** pointer); /* page-aligned */
  int32_t (*release)(void* self, void* pointer);
  /* Makes host memory of the caller fit for fast copies (pins it); undone by unregister. */
  int32_t (*register_host)(void* self, void* pointer, size_t size);
  int32_t (*unregister_host)(void* self, void* pointer);
  /* Copies in order of the calls; *ticket goes to wait. May be complete on return. Either side may be the
   * device. */
  int32_t (*copy_async)(void* self, void* to, const void* from, size_t size, uint64_t* ticket);
  int32_t (*wait)(void* self, uint64_t ticket, int64_t timeout_ns);
  /* Keeps the device busy for a time, as a training step would: a kernel on a GPU, a timed wait on the
   * stand-in. Returns when it is over; *actual_ns is what it took. */
  int32_t (*busy_for)(void* self, int64_t ns, int64_t* actual_ns);
  /* NULL where the memory cannot. */
  int32_t (*export_dmabuf)(void* self, void* pointer, size_t size, int32_t* fd);
  /* Offset, pointer and size are multiples of 4096; *done is less than size only at the end of the file. Any
   * thread may call it, also while others do. */
  int32_t (*read_direct)(void* self, int32_t fd, uint64_t offset, void* pointer, size_t size, size_t* done);
  /* Which way all reads of read_direct so far took: MILLRACE_PATH_*. NULL where read_direct is. */
  int32_t (*direct_path)(void* self);
};

typedef struct millrace_memory_module {
  uint32_t struct_size;
  uint32_t reserved;
  const char* name; /* "host", "gpu": device i is named "host" (i = 0) or "gpu:i" */
  const char* version;
  int32_t (*detect)(const millrace_host* host);
  uint32_t (*device_count)(const millrace_host* host);
  int32_t (*device)(const millrace_host* host, uint32_t index, millrace_memory_device* device);
  int32_t (*open)(const millrace_host* host, uint32_t index, millrace_memory* memory);
  int32_t (*close)(const millrace_host* host, millrace_memory* memory);
} millrace_memory_module;

#ifdef __cplusplus
}
#endif
#endif
