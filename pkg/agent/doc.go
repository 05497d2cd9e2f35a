// Package agent holds the wire types that an agent and a supervisor share: the
// ContainerConfig that the agent writes to agent.json, and the
// ContainerProcessState that the supervisor sends on its control socket.
//
// Field names and types never change. Fields that were added later are
// optional: absent means the behaviour from before they existed, and unknown
// fields are ignored in both directions, so that an agent and a supervisor of
// different age can work together.
package agent
