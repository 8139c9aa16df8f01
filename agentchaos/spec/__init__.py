"""From YAML text to a Scenario, and from a Scenario to a Plan."""
