# SPDX-License-Identifier: Apache-2.0
# Runs on a rack's host, as its first process, once the root file system is there: brings up drives and cables, runs the
# command, and tells its output and status through the control directory.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8
control=/run/rack/control
. $control/settings
exec </dev/null >/dev/console 2>&1

power_off() { busybox poweroff -f; }
trap power_off EXIT # a first process that ends is a panic

hostname "rack$RACK_HOST"
mkdir -p /dev/shm /dev/pts /dev/rack
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
ln -sfn /proc/self/fd /dev/fd
ip link set lo up

if ((RACK_CABLES)); then
  for ((n = 0; n < RACK_CABLES; n++)); do
    ip addr add "10.9.$n.$((RACK_HOST + 1))/24" dev "eth$n" && ip link set "eth$n" up
  done
  # The other host may still be starting, and its first answer take an address resolution.
  for ((n = 0; n < RACK_CABLES; n++)); do
    until busybox ping -q -c 1 -W 1 "10.9.$n.$((2 - RACK_HOST))" >/dev/null; do sleep 0.1; done
  done
fi

# Drives come up in the background: wait for them all, then name them by serial number.
until drives=(/sys/block/nvme*); ((RACK_DRIVES == 0)) || [[ -e ${drives[0]} && ${#drives[@]} -ge $RACK_DRIVES ]]; do
  sleep 0.05
done
((RACK_DRIVES)) && for drive in "${drives[@]}"; do
  read -r serial < "$drive/device/serial"
  ln -s "/dev/${drive##*/}" "/dev/rack/$serial"
done

cd "$RACK_FOLDER" || exit
# The command's output is a pipe, as it would be behind `| tee`, and no console that cooks it.
bash $control/command > >(exec cat > $control/output) 2>&1
status=$?
# What the command left running may hold the pipe: its last words are waited for, for a moment.
for ((i = 0; i < 20; i++)); do kill -0 $! 2>/dev/null || break; sleep 0.05; done
echo "$status" > $control/status
