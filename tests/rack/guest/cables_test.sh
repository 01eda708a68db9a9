# SPDX-License-Identifier: Apache-2.0
# The cable between two hosts: what other tests take for granted.

test_the_hosts_reach_each_other() {
  busybox ping -c 3 -W 5 "$(address $((1 - RACK_HOST)))"
  barrier answered
}

test_the_second_cable_is_another_one() {
  busybox ping -c 1 -W 5 "$(address $((1 - RACK_HOST)) 1)"
  local sent before
  before=$(< /sys/class/net/eth0/statistics/tx_packets)
  busybox ping -q -c 5 -W 5 "$(address $((1 - RACK_HOST)) 1)"
  sent=$(($(< /sys/class/net/eth0/statistics/tx_packets) - before))
  echo "over eth0 meanwhile: $sent packets"
  ((sent < 5))
  barrier answered
}

test_soft_roce_comes_up_on_the_cable() {
  [[ -e /sys/class/infiniband/rxe0 ]] || rdma link add rxe0 type rxe netdev eth0
  rdma link show rxe0/1 | tee /dev/stderr | grep -q 'state ACTIVE'
}

test_both_hosts_see_what_the_other_writes_to_the_scratch_directory() {
  echo "from host $RACK_HOST" > "$RACK_SCRATCH/.note$RACK_HOST"
  barrier written
  [[ $(< "$RACK_SCRATCH/.note$((1 - RACK_HOST))") == "from host $((1 - RACK_HOST))" ]]
}
