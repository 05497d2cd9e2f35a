package syncpipe

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pair returns both ends in one process; init's end as Inherited makes it.
func pair(t testing.TB) (shim, child *Conn) {
	t.Helper()
	shim, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	child, err = newConn(file, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shim.Close(); child.Close() })
	return shim, child
}

func TestConversation(t *testing.T) {
	shim, child := pair(t)
	config := &Config{Hostname: "h", Argv: [][]byte{[]byte("\xff\x00")}, Env: [][]byte{[]byte("K=V")}}
	if err := shim.Send(Message{Type: TypeConfig, Config: config}); err != nil {
		t.Fatal(err)
	}
	got, err := child.Expect(TypeConfig)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Config.Argv[0], config.Argv[0]) {
		t.Errorf("Argv = %q, want %q", got.Config.Argv[0], config.Argv[0])
	}
	if err := child.Send(Message{Type: TypeReady}); err != nil {
		t.Fatal(err)
	}
	if _, err := shim.Expect(TypeReady); err != nil {
		t.Error(err)
	}
	child.Close()
	if _, err := shim.Receive(); err != io.EOF {
		t.Errorf("Receive() after the end = %v, want EOF", err)
	}
}

// TestTasks: files come with the config, close-on-exec; the shim takes none.
func TestTasks(t *testing.T) {
	shim, child := pair(t)
	var files []*os.File
	for range maxTasks {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files = append(files, file)
	}
	packet, err := shim.Encode(Message{Type: TypeConfig, Config: &Config{Hostname: "h"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := shim.SendPacket(packet, files...); err != nil {
		t.Fatal(err)
	}
	m, err := child.Expect(TypeConfig)
	if err != nil || m.Config.Hostname != "h" || len(m.Tasks) != maxTasks {
		t.Fatalf("Expect() = %v, %v, want %d tasks", m, err, maxTasks)
	}
	for _, fd := range m.Tasks {
		var st unix.Stat_t
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags != unix.FD_CLOEXEC || unix.Fstat(fd, &st) != nil || st.Rdev != unix.Mkdev(1, 3) {
			t.Errorf("descriptor %d: flags %d, %v, device %x, want %d and the null device", fd, flags, err, st.Rdev, unix.FD_CLOEXEC)
		}
		unix.Close(fd)
	}

	if packet, err = child.Encode(Message{Type: TypeReady}); err != nil {
		t.Fatal(err)
	}
	if err := child.SendPacket(packet, files[0]); err != nil {
		t.Fatal(err)
	}
	if m, err := shim.Expect(TypeReady); err != nil || m.Tasks != nil {
		t.Errorf("shim: Expect() = %v, %v, want no tasks", m, err)
	}
}

func TestLargestMessage(t *testing.T) {
	shim, child := pair(t)
	// 128 KiB of command and environment must work with the default buffer.
	if err := unix.SetsockoptInt(int(shim.file.Fd()), unix.SOL_SOCKET, unix.SO_SNDBUF, 212992/2); err != nil {
		t.Fatal(err)
	}
	fits := Message{Type: TypeConfig, Config: &Config{Argv: [][]byte{bytes.Repeat([]byte("x"), 128<<10)}}}
	if err := shim.Send(fits); err != nil {
		t.Fatalf("Send(128 KiB) = %v", err)
	}
	if m, err := child.Receive(); err != nil || len(m.Config.Argv[0]) != 128<<10 {
		t.Errorf("Receive() = %v, %v", m.Type, err)
	}
	large := Message{Type: TypeConfig, Config: &Config{Argv: [][]byte{bytes.Repeat([]byte("x"), 256<<10)}}}
	err := shim.Send(large)
	if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "limit 212960") {
		t.Errorf("Send(256 KiB) = %v, want errTooLarge with the limit 212960", err)
	}
}

func TestLastWords(t *testing.T) {
	// The child dies with our message unread: the kernel reports a reset, but
	// what the child said before is still to be read.
	shim, child := pair(t)
	if err := shim.Send(Message{Type: TypeProceed}); err != nil {
		t.Fatal(err)
	}
	failed := &Failed{Step: "mount /data", Path: "/host", Errno: unix.ENOENT, Text: "mount /data from /host: no such file or directory"}
	if err := child.Send(Message{Type: TypeFailed, Failed: failed}); err != nil {
		t.Fatal(err)
	}
	child.Close()
	_, err := shim.Expect(TypeReady)
	if e, ok := errors.AsType[*Failed](err); !ok || *e != *failed {
		t.Errorf("Expect() = %v, want %v", err, failed)
	}
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v is not ENOENT", err)
	}
}

func TestSendToTheDead(t *testing.T) {
	shim, child := pair(t)
	child.Close()
	if err := shim.Send(Message{Type: TypeProceed}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("Send() = %v, want EPIPE", err)
	}
}

func TestGarbage(t *testing.T) {
	for _, test := range []struct{ name, packet, want string }{
		{"no JSON", "hello", "packet of 5 bytes"},
		{"unknown type", `{"type":"hello"}`, `unknown message "hello"`},
		{"no type", `{}`, `unknown message ""`},
		{"body missing", `{"type":"failed"}`, "wrong body"},
		{"body of another", `{"type":"ready","step":{}}`, "wrong body"},
		{"unexpected", `{"type":"proceed"}`, `got message "proceed", want "ready"`},
		{"oversized", `{"type":"` + strings.Repeat("x", maxReply) + `"}`, "packet larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			shim, child := pair(t)
			if err := child.SendPacket([]byte(test.packet)); err != nil {
				t.Fatal(err)
			}
			if _, err := shim.Expect(TypeReady); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Expect() = %v, want %q in it", err, test.want)
			}
		})
	}
}

// seeds are packets of every type, and broken ones.
var seeds = []string{
	`{"type":"config","config":{"hostname":"h","rootfs":"rootfs","working_dir":"/","uid":1,"gid":1,"nofile":4069,"argv":["L2Jpbi9hcHA="],"env":["SD0v"]}}`,
	`{"type":"step","step":{"name":"mount /proc","start":1,"took":2}}`,
	`{"type":"ready"}`,
	`{"type":"proceed"}`,
	`{"type":"failed","failed":{"step":"exec","path":"/x","errno":2,"text":"exec /x: no such file or directory"}}`,
	`{"type":"failed"}`, `{"type":1}`, `[]`, `null`, ``, "\x00",
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		m, err := decode(packet)
		if err != nil {
			if m.Type != "" || m.Config != nil || m.Step != nil || m.Failed != nil {
				t.Errorf("decode(%q) = %v with error %v", packet, m, err)
			}
			return
		}
		bodies := 0
		for _, set := range []bool{m.Config != nil, m.Step != nil, m.Failed != nil} {
			if set {
				bodies++
			}
		}
		if want := map[Type]int{TypeConfig: 1, TypeStep: 1, TypeFailed: 1}[m.Type]; bodies != want {
			t.Errorf("decode(%q): %d bodies, want %d", packet, bodies, want)
		}
	})
}

// TestSeedsReachTheDecoder keeps the fuzz target honest: its seeds must hold a
// valid message of each type.
func TestSeedsReachTheDecoder(t *testing.T) {
	seen := map[Type]bool{}
	for _, s := range seeds {
		if m, err := decode([]byte(s)); err == nil {
			seen[m.Type] = true
		}
	}
	for _, want := range []Type{TypeConfig, TypeStep, TypeReady, TypeProceed, TypeFailed} {
		if !seen[want] {
			t.Errorf("no seed is a valid %s", want)
		}
	}
}

// BenchmarkRoundTrip: a message without a body to init, and one back.
func BenchmarkRoundTrip(b *testing.B) {
	shim, child := pair(b)
	b.ReportAllocs()
	for b.Loop() {
		exchange(b, shim, child, Message{Type: TypeProceed})
		exchange(b, child, shim, Message{Type: TypeReady})
	}
}

// BenchmarkConfig: the longest message, as it is for an ordinary container.
func BenchmarkConfig(b *testing.B) {
	shim, child := pair(b)
	config := &Config{
		Hostname: "web-1", Rootfs: "rootfs", WorkingDir: "/srv", UID: 1, GID: 1, NoFile: 4069,
		Mounts: []Mount{{Dest: "/data", Source: "/var/lib/web-1"}, {Dest: "/tmp", Size: 64 << 20}},
		Argv:   [][]byte{[]byte("/bin/server"), []byte("--listen"), []byte(":8080")},
		Env:    [][]byte{[]byte("HOME=/"), []byte("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), []byte("TOKEN=0123456789abcdef")},
	}
	b.ReportAllocs()
	for b.Loop() {
		exchange(b, shim, child, Message{Type: TypeConfig, Config: config})
	}
}

// exchange sends a message one way.
func exchange(b *testing.B, from, to *Conn, m Message) {
	if err := from.Send(m); err != nil {
		b.Fatal(err)
	}
	if _, err := to.Expect(m.Type); err != nil {
		b.Fatal(err)
	}
}
