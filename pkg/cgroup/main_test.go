package cgroup

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// role is the environment variable that makes the test binary a process of a
// container; its value says what the process does.
const role = "HARPOON_CGROUP_ROLE"

// quickExit spares each process under the race detector a second at its end.
const quickExit = "GORACE=atexit_sleep_ms=0"

// The thread that enters the groups is the one that execs.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if r := os.Getenv(role); r != "" {
		if err := play(r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	r, w, err := os.Pipe() // the runtime's poller has descriptors of its own from here on
	if err != nil {
		panic(err)
	}
	r.Close()
	w.Close()
	before := descriptors()
	code := m.Run()
	if err := removeTestParents(); err != nil {
		fmt.Fprintln(os.Stderr, "left behind:", err)
		code = 1
	}
	if after := descriptors(); len(after) > len(before) {
		fmt.Fprintf(os.Stderr, "descriptors leaked: before %q, after %q\n", before, after)
		code = 1
	}
	os.Exit(code)
}

// descriptors returns what the open descriptors lead to.
func descriptors() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var list []string
	for _, e := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if !strings.Contains(target, "/proc/") { // the one that reads the directory
			list = append(list, target)
		}
	}
	return list
}

// play is the process of a container.
func play(r string) error {
	switch name, arg, _ := strings.Cut(r, " "); name {
	case "enter": // enters the groups whose tasks files are descriptors 3 and up
		n, then, _ := strings.Cut(arg, " ")
		count, _ := strconv.Atoi(n)
		for fd := 3; fd < 3+count; fd++ {
			if _, err := syscall.Write(fd, []byte("0")); err != nil {
				return err
			}
		}
		return syscall.Exec("/proc/self/exe", os.Args[:1], []string{role + "=" + then, quickExit})
	case "block": // until it is killed or stdin ends
		fmt.Println("ready")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	case "spin": // has always something to do
		fmt.Println("ready")
		for {
			runtime.Gosched()
		}
	case "family": // the same, with children
		count, _ := strconv.Atoi(arg)
		for range count {
			c := exec.Command("/proc/self/exe")
			c.Env = []string{role + "=block", quickExit}
			c.Stdin = os.Stdin
			out, err := c.StdoutPipe()
			if err != nil {
				return err
			}
			if err := c.Start(); err != nil {
				return err
			}
			if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
				return err
			}
		}
		return play("block")
	case "hog": // takes so many MiB once it has been told to, and is killed
		mib, _ := strconv.Atoi(arg)
		fmt.Println("ready")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return err
		}
		memory := make([]byte, mib<<20)
		for i := 0; i < len(memory); i += 4096 {
			memory[i] = 1
		}
		runtime.KeepAlive(memory)
		return fmt.Errorf("%d MiB taken", mib)
	case "self": // makes a group below its own cgroup, twice
		return playSelf()
	}
	return fmt.Errorf("no role %q", r)
}

var testParent = "/harpoon-test-cgroup-" + strconv.Itoa(os.Getpid())

// removeTestParents removes what the tests have made; that there is more below
// it is an error.
func removeTestParents() error {
	for _, h := range testHosts() {
		for _, hi := range h.hierarchies {
			if err := rmdir(path.Join(hi.mount, testParent)); err != nil {
				return err
			}
		}
	}
	return nil
}

// testHosts returns the real host and, if that is a hybrid one, its v2 hierarchy
// as if it were alone.
func testHosts() []*Host {
	var hosts []*Host
	h, err := Detect()
	if err != nil {
		return nil
	}
	hosts = append(hosts, h)
	if h.version == V1 {
		if f, err := os.Open("/proc/self/mountinfo"); err == nil {
			defer f.Close()
			h2, err := detect(f, []string{typeV2}, visible)
			if err == nil {
				hosts = append(hosts, h2)
			}
		}
	}
	return hosts
}

// host returns the host of a version, or skips the test.
func host(t testing.TB, v Version) *Host {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	for _, h := range testHosts() {
		if h.version == v {
			return h
		}
	}
	t.Skipf("no cgroup v%d hierarchy here", v)
	return nil
}

// eachHost runs a test on each version that there is.
func eachHost(t *testing.T, f func(t *testing.T, h *Host)) {
	for _, v := range []Version{V1, V2} {
		t.Run(fmt.Sprintf("v%d", v), func(t *testing.T) { f(t, host(t, v)) })
	}
}

var testOwner = Owner{Dev: 1, Ino: 2}

// create makes a group that the test removes in the end.
func create(t testing.TB, h *Host, need Limits) *Group {
	t.Helper()
	g, err := h.Create(testParent, strings.ReplaceAll(t.Name(), "/", "-"), testOwner, need)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// A process is one of a container.
type process struct {
	*exec.Cmd
	stdin io.WriteCloser
}

// start starts a process in the group and waits until it is ready.
func start(t testing.TB, g *Group, r string) *process {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = []string{role + "=" + r, quickExit}
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if g.version == V2 {
		c.SysProcAttr.UseCgroupFD, c.SysProcAttr.CgroupFD = true, g.FD()
	} else {
		c.ExtraFiles = g.Tasks()
		c.Env[0] = fmt.Sprintf("%s=enter %d %s", role, len(g.Tasks()), r)
	}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = c.Process.Kill()
		_, _ = c.Process.Wait() // by then it may have been waited for
		out.Close()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("process says %q, %v, want ready", line, err)
	}
	return &process{c, in}
}

// released lets the process end, and checks that it does so in its own way: nobody has
// killed it.
func (p *process) released(t testing.TB) {
	t.Helper()
	p.stdin.Close()
	if err := p.Wait(); err != nil {
		t.Errorf("process ended with %v, want exit status 0", err)
	}
}

// killed waits for the process and checks that it died of SIGKILL.
func (p *process) killed(t testing.TB) {
	t.Helper()
	_ = p.Wait()
	if ws := p.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
		t.Errorf("process ended with %v, want signal: killed", p.ProcessState)
	}
}

// text returns what a file holds, without the line's end.
func text(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}
