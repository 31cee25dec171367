// Judges histories with Porcupine and prints one JSON line for each file.
//
// A peer that runs out of time says `unknown`; one that runs out of memory says so and ends, so that it never takes
// the machine down: its memory is looked at every few milliseconds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	memoryLookEvery = 5 * time.Millisecond
	repeatsMax      = 200
	repeatsFor      = 500 * time.Millisecond
)

// answer is one line of output. `seconds` is the call of the checker alone, the best of a few for short ones; memory
// is what this process ever had resident, and how much of that the check added.
type answer struct {
	File        string            `json:"file"`
	Verdict     string            `json:"verdict"`
	Seconds     float64           `json:"seconds"`
	CPUSeconds  float64           `json:"cpu_seconds"`
	ReadSeconds float64           `json:"read_seconds"`
	Operations  int               `json:"operations"`
	AddedBytes  int64             `json:"added_bytes"`
	PeakBytes   int64             `json:"peak_bytes"`
	Keys        map[string]string `json:"keys,omitempty"`
}

func main() {
	model := flag.String("model", "cas-register", "register, cas-register or kv")
	failed := flag.String("failed-cas", "drop", "drop or assert")
	seconds := flag.Float64("seconds", 20, "time for each file")
	megabytes := flag.Int64("megabytes", 4000, "memory of this process")
	eachKey := flag.Bool("each-key", false, "judge and print each key by itself")
	flag.Parse()
	debug.SetMemoryLimit(*megabytes * 1_000_000)
	for _, path := range flag.Args() {
		chosen, err := newModel(*model, *failed == "assert")
		if err == nil {
			err = judge(path, chosen, time.Duration(*seconds*float64(time.Second)), *megabytes*1_000_000, *eachKey)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
}

func judge(path string, model *dataType, limit time.Duration, memoryBytes int64, eachKey bool) error {
	began := time.Now()
	history, err := readHistory(path, model)
	if err != nil {
		return err
	}
	told := answer{File: path, Operations: len(history.operations), ReadSeconds: time.Since(began).Seconds()}
	debug.FreeOSMemory()
	told.PeakBytes = status("VmHWM:")
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return err
	}
	before := status("VmRSS:")
	measured := func() {
		peak := status("VmHWM:")
		told.AddedBytes, told.PeakBytes = peak-before, max(peak, told.PeakBytes)
	}
	stop := make(chan struct{})
	go watch(stop, memoryBytes, func(since time.Duration) {
		told.Verdict, told.Seconds = "out of memory", since.Seconds()
		measured()
		tell(&told)
		os.Exit(0)
	})
	if eachKey {
		told.Keys = map[string]string{}
		for _, part := range byKey(history.operations) {
			verdict := porcupine.CheckOperationsTimeout(model.model, part, limit)
			told.Keys[history.keys[part[0].Input.(*input).key]] = strings.ToLower(string(verdict))
		}
	} else {
		told.Verdict, told.Seconds, told.CPUSeconds = best(model.model, history.operations, limit)
	}
	close(stop)
	measured()
	tell(&told)
	return nil
}

// best judges a few times while that is cheap, and gives the least time it took, and the processor time of that.
func best(model porcupine.Model, operations []porcupine.Operation, limit time.Duration) (string, float64, float64) {
	var verdict porcupine.CheckResult
	least, used, began := 2*limit, time.Duration(0), time.Now()
	for range repeatsMax {
		start, before := time.Now(), processorTime()
		verdict = porcupine.CheckOperationsTimeout(model, operations, limit)
		if took := time.Since(start); took < least {
			least, used = took, processorTime()-before
		}
		if time.Since(began) > repeatsFor {
			break
		}
	}
	return strings.ToLower(string(verdict)), least.Seconds(), used.Seconds()
}

// processorTime is what all threads of this process have used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// watch calls `exceeded` when more memory is resident than allowed.
func watch(stop <-chan struct{}, memoryBytes int64, exceeded func(since time.Duration)) {
	began, ticks := time.Now(), time.NewTicker(memoryLookEvery)
	defer ticks.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticks.C:
			if status("VmRSS:") > memoryBytes {
				exceeded(time.Since(began))
			}
		}
	}
}

// status is one of the sizes the kernel tells about this process, in bytes.
func status(name string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(text), name)
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		panic(err)
	}
	return kilobytes * 1024
}

func tell(told *answer) {
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		panic(err)
	}
}
