package main_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// TestTorture is a random killer: supervisors with random commands, clients and
// blows, against the model in model_test.go. What is done in a round is a function
// of TEST_SEED and its number; what the scheduler makes of it is not. A round
// that failed is repeated, some times, by
//
//	TEST_SEED=SEED TEST_ROUND=NUMBER TEST_ROUNDS=20 make torture
func TestTorture(t *testing.T) {
	needRoot(t)
	seed, n, atOnce := aSeed(t), manyRounds(60, 20), 8
	only, err := strconv.Atoi(os.Getenv("TEST_ROUND"))
	again := err == nil
	if again {
		t.Logf("TEST_ROUND=%d: %v", only, newPlan(seed, uint64(only)))
		n, atOnce = rounds(1), 1
	}
	var total tally
	repeat(t, n, atOnce, func(i int) error {
		if again {
			i = only
		}
		c, err := aContainer(t, i, "")
		if err != nil {
			return err
		}
		stories, err := c.liveAll(newPlan(seed, uint64(i)))
		total.add(stories)
		if err != nil {
			return fmt.Errorf("TEST_SEED=%d TEST_ROUND=%d: %w", seed, i, err)
		}
		return os.RemoveAll(c.dir)
	})
	t.Logf("%d directories, %v", n, &total)
}

// tally counts what there was, so that one sees whether it was much.
type tally struct{ lives, killed, runs, states atomic.Int64 }

func (n *tally) add(stories []*story) {
	for _, st := range stories {
		n.lives.Add(1)
		if st.crashed() {
			n.killed.Add(1)
		}
		for _, l := range st.log {
			if l.fields["msg"] == "started" {
				n.runs.Add(1)
			}
		}
		n.states.Add(int64(len(st.seen())))
	}
}

func (n *tally) String() string {
	return fmt.Sprintf("%d supervisors, %d of them killed, %d runs, %d states", n.lives.Load(), n.killed.Load(), n.runs.Load(), n.states.Load())
}

// liveAll lets the lives of a container happen. After one that could not clean up
// there is always another, a quiet one at least.
func (c *container) liveAll(plan []life) (stories []*story, err error) {
	var left survivors
	for i := 0; i < len(plan) && err == nil; i++ {
		var st *story
		st, left, err = c.live(plan[i], left)
		if err != nil {
			err = fmt.Errorf("life %d: %w", i+1, err)
		}
		if st == nil {
			break
		}
		stories = append(stories, st)
		if st.crashed() && i == len(plan)-1 {
			plan = append(plan, quiet)
		}
	}
	return stories, errors.Join(err, left.ended(false))
}

// quiet is a life without incidents.
var quiet = life{policy: "no", network: "host", nature: nature{words: []string{"until-term", "0"}, onTerm: true}, ending: "exit"}
