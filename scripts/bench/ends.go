package main

import (
	"errors"
	"sync"
	"time"
)

// ends are the containers whose end somebody waits for. They are told by one
// stream of events for all, which is read at once, whoever waits.
type ends struct {
	mutex  sync.Mutex
	awaits map[string]chan<- int64
}

// expect announces a container. When it has ended, the time is sent.
func (e *ends) expect(id string) <-chan int64 {
	end := make(chan int64, 1)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.awaits == nil {
		e.awaits = map[string]chan<- int64{}
	}
	e.awaits[id] = end
	return end
}

// tell sends an end to whoever waits for it.
func (e *ends) tell(id string, at int64) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if end := e.awaits[id]; end != nil {
		end <- at
		delete(e.awaits, id)
	}
}

// await waits for an end that was announced.
func await(end <-chan int64) (int64, error) {
	select {
	case at := <-end:
		return at, nil
	case <-time.After(patience):
		return 0, errors.New("its end was not told")
	}
}
