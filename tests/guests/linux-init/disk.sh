# SPDX-License-Identifier: Apache-2.0
# What the Linux partition does with its disk: 64 MiB of file at the start, room for a copy behind it.
disk=/dev/nvme0n1
mib=64

disk_sum() { # OFFSET_MIB MIB, past every cache
    echo 3 >/proc/sys/vm/drop_caches
    dd if=$disk bs=1M skip="$1" count="$2" 2>/dev/null | sha256sum | cut -d' ' -f1
}

disk_irqs() {
    awk '/nvme/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts
}

disk_check() {
    echo "linux: cpus $(grep -c ^processor /proc/cpuinfo)"
    if ! [ -b $disk ]; then
        echo "linux: FAIL no $disk"
        return
    fi
    before=$(disk_irqs)
    sum=$(disk_sum 0 $mib)
    echo "linux: disk sha256 $sum"
    if ! dd if=$disk of=$disk bs=1M count=$mib seek=$mib conv=fsync,notrunc 2>/dev/null; then
        echo "linux: FAIL the copy could not be written"
        return
    fi
    echo "linux: copy written"
    after=$(disk_irqs)
    echo "linux: nvme interrupts $before to $after"
    if [ "$after" -le "$before" ]; then
        echo "linux: FAIL no interrupts"
    else
        echo "linux: PASS"
    fi
}

# Read the same 8 MiB again and again; a line each time. Ends at the first difference.
disk_loop() {
    want=$(disk_sum 0 8)
    n=0
    while sum=$(disk_sum 0 8); [ "$sum" = "$want" ]; do
        n=$((n + 1))
        echo "linux: loop $n good"
    done
    echo "linux: loop FAIL $sum is not $want"
}
