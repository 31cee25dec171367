package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/anishathalye/porcupine"
)

// never is the return of an operation whose outcome nobody knows: it may take effect at any later moment.
const never = math.MaxInt64

// history is what Porcupine is asked about: operations that may have happened, and the names of their keys.
type history struct {
	operations []porcupine.Operation
	keys       []string
}

// event is one line of a file; the texts are JSON, nil where absent.
type event struct {
	time              int64
	process           int64
	kind, f           string
	key, value, error []byte
}

// readHistory reads JSON lines as splitbrain writes them. Without times, the number of the line is the time.
func readHistory(path string, model *dataType) (*history, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := newReader(model)
	lines := bufio.NewReaderSize(file, 1<<20)
	for number := int64(1); ; number++ {
		line, err := lines.ReadSlice('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if problem := reader.line(line, number); problem != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, number, problem)
			}
		}
		if err == io.EOF {
			return reader.finish(), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
}

// reader pairs invocations with completions.
type reader struct {
	model *dataType
	open  map[int64]*invocation
	keyOf map[string]int32
	done  history
}

type invocation struct {
	f     string
	key   int32
	value []byte
	time  int64
}

func newReader(model *dataType) *reader {
	return &reader{model: model, open: map[int64]*invocation{}, keyOf: map[string]int32{}}
}

func (r *reader) line(line []byte, number int64) error {
	happened := event{time: number}
	if err := happened.parse(line); err != nil {
		return err
	}
	if happened.process < 0 {
		return nil
	}
	if happened.kind == "invoke" {
		if r.open[happened.process] != nil {
			return fmt.Errorf("process %d has an operation open already", happened.process)
		}
		value := bytes.Clone(happened.value)
		r.open[happened.process] = &invocation{happened.f, r.key(happened.key), value, happened.time}
		return nil
	}
	invoked := r.open[happened.process]
	if invoked == nil {
		return fmt.Errorf("process %d completes what it did not invoke", happened.process)
	}
	delete(r.open, happened.process)
	return r.add(invoked, &happened)
}

func (r *reader) key(text []byte) int32 {
	id, known := r.keyOf[string(text)]
	if !known {
		id = int32(len(r.done.keys))
		r.keyOf[string(text)] = id
		name := ""
		if text != nil && json.Unmarshal(text, &name) != nil {
			name = string(text)
		}
		r.done.keys = append(r.done.keys, name)
	}
	return id
}

// add keeps an operation if the model has a use for it.
func (r *reader) add(invoked *invocation, completed *event) error {
	in, out, err := r.model.operation(invoked, completed)
	if err != nil || in == nil {
		return err
	}
	returned := completed.time
	if completed.kind == "info" {
		returned = never
	}
	r.done.operations = append(r.done.operations, porcupine.Operation{
		ClientId: int(completed.process), Input: in, Call: invoked.time, Output: out, Return: returned,
	})
	return nil
}

// finish completes what stayed open: nobody knows.
func (r *reader) finish() *history {
	for process, invoked := range r.open {
		// The model refused nothing so far that it would refuse now: an unknown completion has no value to be wrong.
		if err := r.add(invoked, &event{process: process, kind: "info"}); err != nil {
			panic(err)
		}
	}
	return &r.done
}

// parse takes a line apart by hand: a general JSON decoder would spend more on it than the check of many histories.
func (e *event) parse(line []byte) error {
	at := bytes.IndexByte(line, '{') + 1
	for at > 0 && at < len(line) {
		name, value, next := field(line, at)
		if next < 0 {
			return fmt.Errorf("not an event: %s", line)
		}
		var err error
		switch string(name) {
		case "time":
			e.time, err = strconv.ParseInt(string(value), 10, 64)
		case "process":
			e.process, err = strconv.ParseInt(string(value), 10, 64)
		case "type":
			e.kind = word(value)
		case "f":
			e.f = word(value)
		case "key":
			e.key = value
		case "value":
			e.value = value
		case "error":
			e.error = value
		}
		if err != nil {
			return err
		}
		if line[next] == '}' {
			return nil
		}
		at = next + 1
	}
	return fmt.Errorf("not an event: %s", line)
}

// field is the member of an object that begins at `at`, and where the comma or brace behind it is (-1 if nowhere).
func field(line []byte, at int) (name, value []byte, next int) {
	colon := bytes.IndexByte(line[at:], ':')
	if colon < 2 {
		return nil, nil, -1
	}
	name = line[at+1 : at+colon-1]
	start, depth, quoted := at+colon+1, 0, false
	for i := start; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case depth == 0 && (c == ',' || c == '}'):
			return name, line[start:i], i
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil, nil, -1
}

// words keeps one string for each of the few names there are.
var words = map[string]string{}

func word(quoted []byte) string {
	if known, ok := words[string(quoted)]; ok {
		return known
	}
	text := string(bytes.Trim(quoted, `"`))
	words[string(quoted)] = text
	return text
}
