//go:build !race

package main_test

// raceEnabled: the tests run under the race detector, and so does the supervisor.
const raceEnabled = false
