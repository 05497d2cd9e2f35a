package shim

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// readTrace returns the events of a file, which must be a JSON array.
func readTrace(t *testing.T, name string) []traceRead {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var events []traceRead
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return events
}

type traceRead struct {
	Name string  `json:"name"`
	Cat  string  `json:"cat"`
	Ph   string  `json:"ph"`
	TS   float64 `json:"ts"`
	Dur  float64 `json:"dur"`
	PID  int     `json:"pid"`
	Args map[string]any
}

// TestTrace: the file is complete after every write, whoever else writes to it.
func TestTrace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trace")
	var writers sync.WaitGroup
	for range 4 {
		tracer := openTrace(name, quiet())
		writers.Go(func() {
			defer tracer.file.Close()
			for range 25 {
				tracer.step(1, "clone", syncpipe.Monotonic())
			}
		})
	}
	writers.Wait()
	events := readTrace(t, name)
	if len(events) != 100 {
		t.Errorf("%d events, want 100", len(events))
	}
	for _, e := range events {
		if e.Name != "clone" || e.Cat != "step" || e.Ph != "X" || e.TS <= 0 || e.Dur < 0 || e.PID != os.Getpid() || e.Args["run"] != 1.0 {
			t.Fatalf("event %+v", e)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

// TestTraceTakesTurns: a supervisor that writes no more for now keeps nobody else from it.
func TestTraceTakesTurns(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trace")
	for range 2 {
		tracer := openTrace(name, quiet())
		defer tracer.file.Close()
		tracer.step(1, "clone", syncpipe.Monotonic())
	}
	if events := readTrace(t, name); len(events) != 2 {
		t.Errorf("%d events, want 2", len(events))
	}
}

func TestTraceHidesTheEnvironment(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trace")
	tracer := openTrace(name, quiet())
	defer tracer.file.Close()
	tracer.message(1, "shim", "init", &syncpipe.Message{Type: syncpipe.TypeConfig, Config: &syncpipe.Config{
		Hostname: "h", Argv: [][]byte{[]byte("/bin/app")}, Env: [][]byte{[]byte("TOKEN=secret=x"), []byte("EMPTY=")},
	}}, syncpipe.Monotonic())
	tracer.message(1, "init", "shim", nil, syncpipe.Monotonic())
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"secret", "c2VjcmV0", "VE9LRU49"} { // base64 of it, too
		if strings.Contains(string(text), hidden) {
			t.Errorf("%q in %s", hidden, text)
		}
	}
	for _, shown := range []string{`"TOKEN=8"`, `"EMPTY=0"`, `"/bin/app"`, `"hostname":"h"`, `"name":"EOF"`} {
		if !strings.Contains(string(text), shown) {
			t.Errorf("no %s in %s", shown, text)
		}
	}
}

// TestTraceGivesUp: a file that is no trace is left as it is.
func TestTraceGivesUp(t *testing.T) {
	name := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(name, []byte("precious"), 0o640); err != nil {
		t.Fatal(err)
	}
	tracer := openTrace(name, quiet())
	tracer.step(1, "clone", syncpipe.Monotonic())
	tracer.step(1, "clone", syncpipe.Monotonic())
	if text, err := os.ReadFile(name); err != nil || string(text) != "precious" {
		t.Errorf("file holds %q, %v", text, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if tracer := openTrace(t.TempDir(), quiet()); tracer != nil {
		t.Error("a directory was opened as a trace")
	}
}

// TestTraceOnFullDisk: where an event has no room the file stays as it was, complete. (A
// limit on the size of files cuts a write off, as a full disk does.)
func TestTraceOnFullDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trace")
	tracer := openTrace(name, quiet())
	tracer.step(1, "clone", syncpipe.Monotonic())
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}

	survived := make(chan os.Signal, 1) // as a supervisor survives it
	signal.Notify(survived, unix.SIGXFSZ)
	defer signal.Stop(survived)
	var usual unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &usual); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(len(before)) + 20, Max: usual.Max}); err != nil {
		t.Fatal(err)
	}
	tracer.step(1, "clone", syncpipe.Monotonic())
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &usual); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(name); err != nil || string(after) != string(before) {
		t.Errorf("file holds %q, %v, want %q", after, err, before)
	}
	if !tracer.over {
		t.Error("the trace goes on")
	}
}
