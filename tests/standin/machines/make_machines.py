#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the machine descriptions of this folder (schema standin.machine/1; keys: ../machine/description.hpp).

Rates are a hundredth of the real ones where that can be played on two cores: an NVLink 4 link moves 25 GB/s a direction
(NVIDIA H100 data sheet: 18 links, 900 GB/s both directions together), here 250 MB/s, and a GPU has two of them. PCIe is
slower still, so that it and the switches' uplinks differ clearly from NVLink. All are whole MB/s, also when halved.
"""
import json
import pathlib

NVLINK, PCIE, UPLINK, SOCKETS, MEMORY = 250_000_000, 150_000_000, 200_000_000, 100_000_000, 1_000_000_000


def gpu(index, pci, numa, switch, nvlinks):
    return {"index": index, "pci": pci, "numa": numa, "switch": switch, "memory_bytes": 1 << 30,
            "uuid": f"GPU-00000000-0000-4000-8000-{index:012x}",
            "memory_bytes_per_s": MEMORY, "latency_ns": {"host": 1200, "peer": 900, "memory": 500},
            "pcie": {"generation": 5, "width": 16, "now_generation": 5, "now_width": 16, "bytes_per_s": PCIE},
            "nvlinks": [{"link": k, "to": f"nvswitch:{k}", "bytes_per_s": NVLINK, "state": "active"}
                        for k in range(nvlinks)],
            "clocks_mhz": {"sm": 1980, "memory": 2619}, "power_w": 120, "temperature_c": 40,
            "ecc": {"enabled": True, "corrected": 0, "uncorrected": 0},
            "remapped_rows": {"corrected": 0, "uncorrected": 0, "pending": False, "failure": False}, "persistence": True}


def machine(gpus, nvlinks=2):
    """Half of the GPUs below each of two PCIe switches, one a socket."""
    half = gpus // 2
    return {"schema": "standin.machine/1", "driver": {"version": 13000, "name": "580.65.06"},
            "cpus": {"numa_nodes": 2, "inter_socket_bytes_per_s": SOCKETS},
            "gpus": [gpu(i, f"0000:{(0x17 if i < half else 0x97) + i % half:02x}:00.0", i // half, f"sw{i // half}", nvlinks)
                     for i in range(gpus)],
            "switches": [{"id": "sw0", "pci": "0000:15:00.0", "numa": 0, "uplink_bytes_per_s": UPLINK},
                         {"id": "sw1", "pci": "0000:95:00.0", "numa": 1, "uplink_bytes_per_s": UPLINK}],
            "cufile": {"direct": True}, "faults": []}


def half_link():
    """GPU 5's second NVLink runs at half its rate; bytes are spread over both, so its pairs run at half."""
    description = machine(8)
    description["gpus"][5]["nvlinks"][1]["bytes_per_s"] //= 2
    return description


def main():
    folder = pathlib.Path(__file__).parent
    for name, description in (("eight_gpus", machine(8)), ("half_link", half_link()), ("two_gpus", machine(2)),
                              ("pcie_only", machine(4, nvlinks=0))):
        (folder / f"{name}.json").write_text(json.dumps(description, indent=1) + "\n")


if __name__ == "__main__":
    main()
