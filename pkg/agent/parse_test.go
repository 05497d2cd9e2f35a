package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// full is a configuration with every field of its first version.
const full = `{
  "product": "p", "environment": "e", "job": "j",
  "health_checks": [{"protocol": "HTTP", "port": "HTTP", "initial_delay": "1s", "timeout": "1s",
    "interval": "0", "http_path": "/", "http_acceptable_responses": [200]}],
  "artifact_url": "http://artifacts/a.tar",
  "ports": {"HTTP": 31000},
  "env": {"K": "V"},
  "command": {"working_dir": "/srv", "exec": ["bin/app"]},
  "resources": {"mem": 64, "cpu": 0.5, "fd": 1024},
  "storage": {"tmp": {"/tmp": -1}, "volumes": {"/data": "/host/dir"}},
  "grace": {"startup": "1s", "shutdown": "5s"},
  "restart": "on-failure"
}`

func TestParseConfig(t *testing.T) {
	want := &ContainerConfig{
		Product: "p", Environment: "e", Job: "j",
		HealthChecks: []HealthCheck{{
			Protocol: "HTTP", Port: "HTTP", InitialDelay: "1s", Timeout: "1s", Interval: "0",
			HTTPPath: "/", HTTPAcceptableResponses: []int{200},
		}},
		ArtifactURL: "http://artifacts/a.tar",
		Ports:       map[string]uint16{"HTTP": 31000},
		Env:         map[string]string{"K": "V"},
		Command:     Command{WorkingDir: "/srv", Exec: []string{"bin/app"}},
		Resources:   Resources{Mem: 64, CPU: 0.5, FD: 1024},
		Storage:     Storage{Tmp: map[string]int64{"/tmp": -1}, Volumes: map[string]string{"/data": "/host/dir"}},
		Grace:       Grace{Startup: "1s", Shutdown: "5s"},
		Restart:     RestartOnFailure,
	}
	got, err := ParseConfig([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseConfig (-want +got):\n%s", diff)
	}
}

func TestParseConfigAccepts(t *testing.T) {
	for _, text := range []string{
		`{"restart":"no"}`,
		`{"restart":"always","env":null,"ports":null,"health_checks":null,"storage":{"tmp":null,"volumes":null},"command":{"exec":null}}`,
		`{"restart":"no","from_the_future":{"x":[1]},"resources":{"gpus":4}}`,
		`{"restart":"no","grace":{"startup":"0","shutdown":"0"}}`,
		`{"restart":"no","network":"none"}`,
		`{"restart":"no","network":"/run/netns/x"}`,
		`{"restart":"no","seccomp":"default"}`,
		`{"restart":"no","seccomp":"unconfined"}`,
		`{"restart":"no","storage":{"tmp":{"/a":0,"/a/b":5},"volumes":{"/a/b/c":"/x"}}}`,
		`{"restart":"no","env":{"K":""}}`,
		`{"restart":"no","restart_backoff":null}`,
		`{"restart":"no","user":"","capabilities":null,"userns":null}`,
		`{"restart":"no","user":"0","userns":{"uid":4294967294,"gid":1,"size":1}}`,
		`{"restart":"no","user":"0:4294967294","capabilities":["CAP_CHOWN","CAP_CHECKPOINT_RESTORE","CAP_CHOWN"]}`,
		`{"restart":"no","resources":{"mem":4398046511103,"cpu":16777216,"pids":4194304,"fd":3},"storage":{"tmp":{"/a":8796093022207}}}`,
		fmt.Sprintf(`{"restart":"no","resources":{"fd":%d}}`, nrOpen()),
		`{"restart":"no","restart_backoff":{"initial":"30s","jitter":1}}`,
		`{"restart":"no","restart_backoff":{"initial":"0","factor":1,"max":"1h","jitter":0,"reset":"0","limit":5}}`,
	} {
		if _, err := ParseConfig([]byte(text)); err != nil {
			t.Errorf("ParseConfig(%s) = %v", text, err)
		}
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{``, "line 1, column 1: unexpected end"},
		{"{\n  \"restart\": no\n}", "line 2, column 15: invalid character"},
		{"{\n\"env\": {\"A\": \"\xff\"}}", "line 2, column 15: not UTF-8"},
		{"{\"env\": {\"\ufffd\": \"\xff\"}}", "line 1, column 18: not UTF-8"}, // the first is a character
		{`{} x`, "line 1, column 4: invalid character"},
		{`[]`, "configuration: want an object, got array"},
		{`{}`, "restart: missing"},
		{`null`, "restart: missing"},
		{`{"restart":"sometimes"}`, `restart: "sometimes": want`},
		{`{"restart":1}`, "restart: want a string, got number (line 1, column 12)"},
		{"{\"restart\": \"no\",\n\"env\": {\"A\": \"\",\n\"B\": 17}}", "env: want a string, got number (line 3, column 7)"},
		{"\ufeff{}", "line 1, column 1: a byte order mark"},
		{`{"restart":"no","env":{"":"x"}}`, "env: empty key"},
		{`{"restart":"no","env":{"A=secret":"x"}}`, `env: key that begins with "A=": holds '='`},
		{`{"restart":"no","env":{"A\u0000":"x"}}`, `env: key "A\x00": holds NUL`},
		{`{"env":{"A":"\n\\\ud83d"}}`, "line 1, column 18: half of a surrogate pair"},
		{"{\n\"env\": {\"A\": \"\\ud83d\\u0041\"}}", "line 2, column 15: half of a surrogate pair"},
		{`{"env":{"A":"\uDE00\ud83d"}}`, "line 1, column 14: half of a surrogate pair"},
		{`{"env":{"A":"\ud83d\ude00\ud83d\u"}}`, "line 1, column 26: half of a surrogate pair"},
		{`{"restart":"no","env":{"A":"secret\u0000"}}`, `env: value of "A": holds NUL`},
		{`{"restart":"no","resources":{"mem":-1}}`, "resources.mem: want a whole number of 0 or more, got number -1"},
		{`{"restart":"no","resources":{"mem":18446744073709551615}}`, "resources.mem: 18446744073709551615 MiB: beyond"},
		{`{"restart":"no","resources":{"mem":18446744073709551616}}`, "resources.mem: want"},
		{`{"restart":"no","resources":{"mem":4398046511104}}`, "resources.mem: 4398046511104 MiB: beyond 4398046511103"},
		{`{"restart":"no","resources":{"cpu":16777217}}`, "resources.cpu: 1.6777217e+07: beyond 16777216"},
		{`{"restart":"no","resources":{"pids":4194305}}`, "resources.pids: 4194305: beyond the kernel's 4194304"},
		{fmt.Sprintf(`{"restart":"no","resources":{"fd":%d}}`, nrOpen()+1), fmt.Sprintf("resources.fd: %d: beyond the kernel's", nrOpen()+1)},
		{`{"restart":"no","resources":{"cpu":-0.5}}`, "resources.cpu: -0.5: negative"},
		{`{"restart":"no","resources":{"cpu":1e300}}`, "resources.cpu: 1e+300: beyond"},
		{`{"restart":"no","resources":{"fd":1e6}}`, "resources.fd: want"},
		{`{"restart":"no","resources":{"fd":2}}`, "resources.fd: 2: below the 3 that the standard streams take"},
		{`{"restart":"no","restart_backoff":{"limit":4294967296}}`, "restart_backoff.limit: want a whole number from 0 to 4294967295, got number 4294967296"},
		{`{"restart":"no","resources":{"fd":4294967296}}`, "resources.fd: 4294967296: beyond"},
		{`{"restart":"no","ports":{"HTTP":65536}}`, "ports"},
		{`{"restart":"no","storage":{"tmp":{"tmp":1}}}`, `storage.tmp: destination "tmp": not absolute`},
		{`{"restart":"no","storage":{"tmp":{"/..":1}}}`, `storage.tmp: destination "/..": the root itself`},
		{`{"restart":"no","storage":{"tmp":{"/t":9223372036854775807}}}`, `storage.tmp: size of "/t"`},
		{`{"restart":"no","storage":{"tmp":{"/t":8796093022208}}}`, `storage.tmp: size of "/t": 8796093022208 MiB: beyond 8796093022207`},
		{`{"restart":"no","storage":{"tmp":{"/t\u0000":1}}}`, `storage.tmp: destination "/t\x00": holds NUL`},
		{`{"restart":"no","storage":{"volumes":{"/t\u0000":"/x"}}}`, `storage.volumes: destination "/t\x00": holds NUL`},
		{`{"restart":"no","storage":{"volumes":{"/t":"/x\u0000"}}}`, `storage.volumes: source "/x\x00" of "/t": holds NUL`},
		{`{"restart":"no","network":"/x\u0000"}`, `network: "/x\x00": want`},
		{`{"restart":"no","storage":{"volumes":{"data":"/x"}}}`, `storage.volumes: destination "data": not absolute`},
		{`{"restart":"no","storage":{"volumes":{"/data":"x"}}}`, `storage.volumes: source "x" of "/data": not absolute`},
		{`{"restart":"no","storage":{"volumes":{"/data":""}}}`, `storage.volumes: source "" of "/data": not absolute`},
		{`{"restart":"no","storage":{"tmp":{"/a":1},"volumes":{"/a/":"/x"}}}`, `storage.volumes: destination "/a/": also in storage.tmp`},
		{`{"restart":"no","command":{"working_dir":"\u0000"}}`, "command.working_dir"},
		{`{"restart":"no","grace":{"startup":"soon"}}`, "grace.startup: time: invalid duration"},
		{`{"restart":"no","health_checks":[{"initial_delay":"x"}]}`, "health_checks[0].initial_delay"},
		{`{"restart":"no","health_checks":[{"interval":"-1s"}]}`, "health_checks[0].interval: -1s: negative"},
		{`{"restart":"no","restart_backoff":{"reset":"-1s"}}`, "restart_backoff.reset: -1s: negative"},
		{`{"restart":"no","grace":{"shutdown":"soon"}}`, "grace.shutdown: time: invalid duration"},
		{`{"restart":"no","grace":{"shutdown":"-1s"}}`, "grace.shutdown: -1s: negative"},
		{`{"restart":"no","health_checks":[{},{"timeout":"x"}]}`, "health_checks[1].timeout"},
		{`{"restart":"no","restart_backoff":{"initial":"soon"}}`, "restart_backoff.initial: time: invalid duration"},
		{`{"restart":"no","restart_backoff":{"max":"-1s"}}`, "restart_backoff.max: -1s: negative"},
		{`{"restart":"no","restart_backoff":{"reset":10}}`, "restart_backoff.reset: want a string"},
		{`{"restart":"no","restart_backoff":{"factor":0.5}}`, "restart_backoff.factor: 0.5: less than 1"},
		{`{"restart":"no","restart_backoff":{"factor":0}}`, "restart_backoff.factor: 0: less than 1"},
		{`{"restart":"no","restart_backoff":{"jitter":1.5}}`, "restart_backoff.jitter: 1.5: not from 0 to 1"},
		{`{"restart":"no","restart_backoff":{"jitter":-0.5}}`, "restart_backoff.jitter: -0.5"},
		{`{"restart":"no","restart_backoff":{"initial":"31s"}}`, "restart_backoff.max: 30s: less than the initial 31s"},
		{`{"restart":"no","restart_backoff":{"limit":-1}}`, "restart_backoff.limit: want a whole number"},
		{`{"restart":"no","user":"root"}`, `user: "root": want UID[:GID], numeric`},
		{`{"restart":"no","user":"0:root"}`, `user: "0:root": want`},
		{`{"restart":"no","user":"4294967295"}`, `user: "4294967295": want`},
		{`{"restart":"no","user":"1:4294967295"}`, `user: "1:4294967295": want`},
		{`{"restart":"no","user":"18446744073709551617"}`, `user: "18446744073709551617": want`},
		{`{"restart":"no","user":"-1"}`, `user: "-1": want`},
		{`{"restart":"no","user":"+1"}`, `user: "+1": want`},
		{`{"restart":"no","user":" 1"}`, `user: " 1": want`},
		{`{"restart":"no","user":"0x1"}`, `user: "0x1": want`},
		{`{"restart":"no","user":"1_0"}`, `user: "1_0": want`},
		{`{"restart":"no","user":"1:"}`, `user: "1:": want`},
		{`{"restart":"no","user":":1"}`, `user: ":1": want`},
		{`{"restart":"no","user":"1:2:3"}`, `user: "1:2:3": want`},
		{`{"restart":"no","user":1000}`, "user: want a string, got number"},
		{`{"restart":"no","capabilities":"CAP_CHOWN"}`, "capabilities: want an array, got string"},
		{`{"restart":"no","capabilities":["CAP_CHOWN","CAP_EVERYTHING"]}`, `capabilities: "CAP_EVERYTHING": want a name of capabilities(7)`},
		{`{"restart":"no","capabilities":["NET_RAW"]}`, `capabilities: "NET_RAW": want`},
		{`{"restart":"no","capabilities":["cap_net_raw"]}`, `capabilities: "cap_net_raw": want`},
		{`{"restart":"no","capabilities":[""]}`, `capabilities: "": want`},
		{`{"restart":"no","userns":true}`, "userns: want an object, got bool"},
		{`{"restart":"no","userns":{"uid":-1}}`, "userns.uid: want a whole number from 0 to 4294967295"},
		{`{"restart":"no","userns":{}}`, "userns.size: 0: want 1 or more"},
		{`{"restart":"no","userns":{"uid":100000,"size":65536}}`, "userns.gid: 0: the host's root"},
		{`{"restart":"no","userns":{"gid":100000,"size":65536}}`, "userns.uid: 0: the host's root"},
		{`{"restart":"no","userns":{"uid":4294967294,"gid":1,"size":2}}`, "userns.uid: 4294967294: the last of 2 is beyond 4294967294"},
		{`{"restart":"no","userns":{"uid":1,"gid":4294967295,"size":1}}`, "userns.gid: 4294967295: the last of 1 is beyond"},
		{`{"restart":"no","userns":{"uid":1,"gid":1,"size":4294967295}}`, "userns.uid: 1: the last of 4294967295 is beyond"},
		{`{"restart":"no","userns":{"uid":1,"gid":1,"size":1}}`, "user: 1:1: not in the user namespace, which ends at 0"},
		{`{"restart":"no","user":"9:5","userns":{"uid":100000,"gid":100000,"size":9}}`, "user: 9:5: not in"},
		{`{"restart":"no","user":"5:9","userns":{"uid":100000,"gid":100000,"size":9}}`, "user: 5:9: not in"},
		{`{"restart":"no","user":"root","userns":{"uid":1,"gid":1,"size":1}}`, `user: "root": want`},
		{`{"restart":"no","network":"bridge"}`, `network: "bridge": want`},
		{`{"restart":"no","seccomp":"Default"}`, `seccomp: "Default": want "default" or "unconfined"`},
		{`{"restart":"no","seccomp":"profile.json"}`, `seccomp: "profile.json": want "default" or "unconfined"`},
		{`{"restart":"no","seccomp":true}`, "seccomp: want a string"},
	} {
		_, err := ParseConfig([]byte(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("ParseConfig(%s) = %v, want %q...", test.text, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("ParseConfig(%s): error shows a value or has several lines: %q", test.text, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"restart":"no","env":{"A":"B"}}`))
	f.Add([]byte(`{"restart":"no","storage":{"volumes":{"/a":"/b"}},"resources":{"cpu":-0}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := ParseConfig(data)
		if (config == nil) != (err != nil) {
			t.Fatalf("ParseConfig(%q) = %v, %v", data, config, err)
		}
		if err != nil {
			return
		}
		// What is valid stays so when an agent writes it again.
		again, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseConfig(again); err != nil {
			t.Errorf("ParseConfig(%s) = %v, after a round trip of %q", again, err, data)
		}
	})
}

// TestStates: which state is the last, and which end is a failure.
func TestStates(t *testing.T) {
	for _, s := range []ContainerProcessState{{Up: true}, {Restarting: true}, {Up: true, Restarting: true}} {
		if s.Final() {
			t.Errorf("Final() of %+v = true", s)
		}
	}
	if !(&ContainerProcessState{Restarts: 1}).Final() {
		t.Error("Final() of what is neither up nor restarting = false")
	}
	for s, want := range map[ContainerExitStatus]bool{
		{Exited: true}: false, {Exited: true, ExitStatus: 1}: true, {Signaled: true, Signal: 15}: true, {OOMed: true}: true,
	} {
		if got := s.Failure(); got != want {
			t.Errorf("Failure() of %+v = %v", s, got)
		}
	}
}

func TestStateOnTheWire(t *testing.T) {
	peak := uint64(7)
	at := time.Date(2024, 2, 29, 12, 0, 0, 500, time.UTC)
	for _, test := range []struct {
		state ContainerProcessState
		want  string
	}{
		{
			ContainerProcessState{Up: true, Restarting: true, ContainerMetrics: ContainerMetrics{CPUTime: 15750371, MemoryUsage: 1679360, MemoryLimit: 67108864}},
			`{"up":true,"restarting":true,"restarts":0,"ooms":0,"container_metrics":{"cpu_time":15750371,"memory_usage":1679360,"memory_limit":67108864}}`,
		},
		{
			ContainerProcessState{ContainerExitStatus: &ContainerExitStatus{Exited: true}, ExitedAt: at},
			`{"up":false,"restarting":false,"container_exit_status":{"exited":true},"restarts":0,"ooms":0,"container_metrics":{"cpu_time":0,"memory_usage":0,"memory_limit":0},"exited_at":"2024-02-29T12:00:00.0000005Z"}`,
		},
		{
			ContainerProcessState{Err: "x", OOMs: 1, ContainerExitStatus: &ContainerExitStatus{OOMed: true}, ContainerMetrics: ContainerMetrics{MemoryPeak: &peak}},
			`{"up":false,"restarting":false,"err":"x","container_exit_status":{"oomed":true},"restarts":0,"ooms":1,"container_metrics":{"cpu_time":0,"memory_usage":0,"memory_limit":0,"memory_peak":7}}`,
		},
	} {
		got, err := json.Marshal(test.state)
		if err != nil || string(got) != test.want {
			t.Errorf("Marshal = %s, %v\nwant %s", got, err, test.want)
		}
	}
}
