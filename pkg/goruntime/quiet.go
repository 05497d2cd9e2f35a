//go:build quiet

package goruntime

import _ "unsafe" // for go:linkname

// The runtime's monitor, a thread, gets up every half of this period, to see whether
// memory has been collected within the last one, and has it done if not (sysmon in package
// runtime). A supervisor that sleeps has no garbage, and is to sleep.
//
// The linker lets a program have a variable of the runtime's only with -checklinkname=0,
// so there is the tag: the Makefile sets both. Without them all works, and a supervisor
// wakes up twice a minute.
//
//go:linkname forcegcperiod runtime.forcegcperiod
var forcegcperiod int64 // ns

func init() {
	const centuries = 1 << 62
	forcegcperiod = centuries
}
