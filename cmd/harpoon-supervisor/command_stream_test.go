package main_test

import (
	"fmt"

	"github.com/rogpeppe/go-internal/testscript"
)

func (b *bed) connect(_ *testscript.TestScript, args []string) error {
	c, err := b.container(args[0])
	if err != nil {
		return err
	}
	if b.streams[args[1]] != nil {
		return fmt.Errorf("there is a stream %q", args[1])
	}
	s, err := dial(c)
	if err != nil {
		return err
	}
	b.streams[args[1]] = s
	return nil
}

func (b *bed) send(_ *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	return s.command(args[1])
}

func (b *bed) sendRaw(_ *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	text, err := unquote(args[1])
	if err != nil {
		return err
	}
	return s.send(text)
}

func (b *bed) await(ts *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	got, err := s.await(args[1:]...)
	if err == nil {
		ts.Logf("%s", got)
	}
	return err
}

func (b *bed) next(ts *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	got, err := s.next(patience)
	if err != nil {
		return err
	}
	ts.Logf("%s", got)
	return got.meets(args[1:])
}

func (b *bed) eof(_ *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	return s.end()
}

func (b *bed) halfClose(_ *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	return s.conn.CloseWrite()
}

// disconnect closes a connection; its name can be used again.
func (b *bed) disconnect(_ *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	delete(b.streams, args[0])
	return s.conn.Close()
}
