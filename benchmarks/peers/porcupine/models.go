package main

import (
	"encoding/json"
	"fmt"
	"hash/maphash"

	"github.com/anishathalye/porcupine"
)

// dataType is a sequential data type: which operations of a file concern it, and how Porcupine steps through them.
// An operation of which nothing can be known (a failed write, a read without an answer) has no input.
type dataType struct {
	operation func(invoked *invocation, completed *event) (in *input, out *output, err error)
	model     porcupine.Model
}

// function is what an operation does; a number, because it is looked at in every step.
type function uint8

const (
	read function = iota
	write
	cas
	put
	add
)

// input is what was asked. Values of registers are numbers, equal for equal JSON; 0 is null.
type input struct {
	key      int32
	does     function
	from, to int32
	text     string
}

// output is what was answered, if that is known.
type output struct {
	known, refused bool
	value          int32
	text           string
}

func newModel(name string, assertFailed bool) (*dataType, error) {
	switch name {
	case "register", "cas-register":
		return newRegister(assertFailed), nil
	case "kv":
		return newStore(), nil
	}
	return nil, fmt.Errorf("there is no model %q", name)
}

func newRegister(assertFailed bool) *dataType {
	numbers := map[string]int32{"null": 0, "": 0}
	number := func(text []byte) int32 {
		known, ok := numbers[string(text)]
		if !ok {
			known = int32(len(numbers))
			numbers[string(text)] = known
		}
		return known
	}
	return &dataType{
		operation: func(invoked *invocation, completed *event) (*input, *output, error) {
			return registerOperation(invoked, completed, number, assertFailed)
		},
		model: porcupine.Model{
			Partition: byKey,
			Init:      func() interface{} { return int32(0) },
			Step:      stepRegister,
			Hash:      func(state interface{}) uint64 { return uint64(state.(int32)) * 0x9e3779b97f4a7c15 },
		},
	}
}

func registerOperation(
	invoked *invocation, completed *event, number func([]byte) int32, assertFailed bool,
) (*input, *output, error) {
	in, out := &input{key: invoked.key}, &output{known: completed.kind == "ok"}
	switch invoked.f {
	case "read":
		in.does = read
		out.value = number(completed.value)
		if !out.known {
			return nil, nil, nil
		}
	case "write":
		in.does = write
		in.to = number(invoked.value)
		if completed.kind == "fail" {
			return nil, nil, nil
		}
	case "cas":
		in.does = cas
		var pair []json.RawMessage
		if err := json.Unmarshal(invoked.value, &pair); err != nil || len(pair) != 2 {
			return nil, nil, fmt.Errorf("a cas takes a pair, not %s", invoked.value)
		}
		in.from, in.to = number(pair[0]), number(pair[1])
		if completed.kind == "fail" {
			return failedCas(in, completed, number, assertFailed)
		}
	default:
		return nil, nil, fmt.Errorf("a register has no operation %q", invoked.f)
	}
	return in, out, nil
}

// failedCas is a read of the value it reports; without one it says nothing, or only what the register did not hold.
func failedCas(
	in *input, completed *event, number func([]byte) int32, assertFailed bool,
) (*input, *output, error) {
	var told struct {
		Current json.RawMessage `json:"current"`
	}
	if completed.error != nil && completed.error[0] == '{' {
		if err := json.Unmarshal(completed.error, &told); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case told.Current != nil:
		return &input{key: in.key, does: read}, &output{known: true, value: number(told.Current)}, nil
	case assertFailed:
		return in, &output{known: true, refused: true}, nil
	}
	return nil, nil, nil
}

func stepRegister(state, asked, answered interface{}) (bool, interface{}) {
	held, in, out := state.(int32), asked.(*input), answered.(*output)
	switch {
	case in.does == read:
		return out.value == held, state
	case in.does == write:
		return true, in.to
	case out.refused:
		return in.from != held, state
	case in.from == held:
		return true, in.to
	}
	// A compare-and-set of unknown outcome may have been refused.
	return !out.known, state
}

func newStore() *dataType {
	seed := maphash.MakeSeed()
	return &dataType{
		operation: storeOperation,
		model: porcupine.Model{
			Partition: byKey,
			Init:      func() interface{} { return "" },
			Step:      stepStore,
			Hash:      func(state interface{}) uint64 { return maphash.String(seed, state.(string)) },
		},
	}
}

// storeOperation takes null for the empty text.
func storeOperation(invoked *invocation, completed *event) (*input, *output, error) {
	in, out := &input{key: invoked.key}, &output{known: completed.kind == "ok"}
	told, into := invoked.value, &in.text
	switch invoked.f {
	case "get":
		in.does = read
		if !out.known {
			return nil, nil, nil
		}
		told, into = completed.value, &out.text
	case "put", "append":
		in.does = put
		if invoked.f == "append" {
			in.does = add
		}
		if completed.kind == "fail" {
			return nil, nil, nil
		}
	default:
		return nil, nil, fmt.Errorf("a store has no operation %q", invoked.f)
	}
	if told == nil {
		return in, out, nil
	}
	if err := json.Unmarshal(told, into); err != nil {
		return nil, nil, fmt.Errorf("a store holds texts, not %s", told)
	}
	return in, out, nil
}

func stepStore(state, asked, answered interface{}) (bool, interface{}) {
	held, in := state.(string), asked.(*input)
	switch in.does {
	case read:
		return answered.(*output).text == held, state
	case put:
		return true, in.text
	}
	return true, held + in.text
}

// byKey parts operations by key, in the order of the keys' numbers.
func byKey(operations []porcupine.Operation) [][]porcupine.Operation {
	var parts [][]porcupine.Operation
	for _, operation := range operations {
		key := int(operation.Input.(*input).key)
		for len(parts) <= key {
			parts = append(parts, nil)
		}
		parts[key] = append(parts[key], operation)
	}
	kept := parts[:0]
	for _, part := range parts {
		if len(part) > 0 {
			kept = append(kept, part)
		}
	}
	return kept
}
