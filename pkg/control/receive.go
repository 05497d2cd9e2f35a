package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/eventstream"
)

// maxEvent bounds an event from the supervisor, in bytes. A state is smaller
// than 1 KiB, but for its error text.
const maxEvent = 1 << 20

// receive reads states until the connection ends. It is the only reader, so
// that nothing a caller does can tear an event, and it never waits for a caller.
func (c *Client) receive() {
	defer close(c.states)
	// A supervisor that goes on sending must not wait for somebody who no longer
	// reads. Commands still work, for as long as it keeps the connection.
	defer c.conn.CloseRead()
	d := eventstream.NewDecoder(c.conn, maxEvent)
	final := false
	for {
		e, err := d.Next()
		if err != nil {
			c.err = ending(err, final)
			return
		}
		if e.Type != agent.EventState {
			continue // from a newer supervisor
		}
		s, err := parseState(e.Data)
		if err != nil {
			c.err = fmt.Errorf("receive state: %w", err)
			return
		}
		final = s.Final()
		c.put(s)
	}
}

// put makes s the newest state.
func (c *Client) put(s agent.ContainerProcessState) {
	select {
	case <-c.states:
	default:
	}
	c.states <- s
}

// ending words the error that ended the connection. After the final state
// a reset means no more than EOF: the supervisor closed while a command of ours,
// which nobody reads any more, was on its way.
func ending(err error, final bool) error {
	switch {
	case final && (err == io.EOF || errors.Is(err, unix.ECONNRESET)):
		return io.EOF
	case err == io.EOF:
		err = fmt.Errorf("connection closed before the final state: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("receive state: %w", cause(err))
}

// parseState decodes the data of a state event. Both switches must be there:
// without them anything, null included, would read as the final state.
func parseState(data []byte) (agent.ContainerProcessState, error) {
	var wire struct {
		agent.ContainerProcessState
		Up         *bool `json:"up"`
		Restarting *bool `json:"restarting"`
	}
	err := json.Unmarshal(data, &wire)
	if err == nil && (wire.Up == nil || wire.Restarting == nil) {
		err = errors.New("up or restarting missing")
	}
	if err != nil {
		return agent.ContainerProcessState{}, fmt.Errorf("data %.60q: %w", data, err)
	}
	s := wire.ContainerProcessState
	s.Up, s.Restarting = *wire.Up, *wire.Restarting
	return s, nil
}
