// Package plainjson reads and writes JSON (RFC 8259) of a shape that the caller
// knows, value by value, with the scanner of package encoding/json.
//
// The other way of that package, by which a Go type is the description of the JSON,
// has to learn each type before it is used for the first time. In a supervisor,
// which does most things once, that was a tenth of the CPU time of a container's
// life, and memory that stays. So it is for what is rare: errors and traces.
package plainjson
